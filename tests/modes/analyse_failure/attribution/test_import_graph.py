"""What files of each language import, as far as their text tells."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.modes.analyse_failure.attribution.import_graph import PathIndex, imports, is_read, reach

BAR, TEXT = "core/src/main/java/com/acme/Bar.java", "core/src/main/java/com/acme/util/Text.java"
STORE = ["internal/store/index.go", "internal/store/store.go"]
SPECS = ["spec/spec_helper.rb", "lib/shop.rb"]
CLIENT = ["src/pkg/__init__.py", "src/pkg/client.py"]
PYTHON = (
    "src/pkg/__init__.py", "src/pkg/client.py", "src/pkg/deep/__init__.py", "src/pkg/deep/codec.py", "conftest.py",
    "tests/conftest.py", "tests/test_client.py", "tests/factory.py", "tools/run.py", "json.py",
)  # fmt: skip
SCRIPTS = (
    "web/src/app.ts", "web/src/app.test.ts", "web/src/lib/index.ts", "web/src/ui/Button.tsx", "web/src/data.json",
    "lib/shop/cart_item.rb", "lib/shop.rb", "spec/shop_spec.rb", "spec/spec_helper.rb", "src/Service/Mailer.php",
    "src/Service/Queue.php", "tests/MailerTest.php",
)  # fmt: skip
COMPILED = (
    "cmd/main.go", "internal/store/store.go", "internal/store/index.go", "internal/store/store_test.go", "root.go",
    BAR, "core/src/test/java/com/acme/BarTest.java",
    TEXT, "src/lib.rs", "src/codec.rs", "src/net/mod.rs", "src/net/tls.rs",
    "tests/codec.rs", "include/buf.h", "src/buf.c", "src/main.c", "App/Program.cs", "App/Mailer.cs",
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("tests/test_client.py", "import json\nfrom pkg.client import Client", [*CLIENT, "json.py"]),
        ("tests/test_client.py", "from pkg import client", CLIENT),
        ("tests/test_client.py", "import pkg.deep.codec as c", ["src/pkg/deep/__init__.py", "src/pkg/deep/codec.py"]),
        ("tests/test_client.py", "from factory import make", ["tests/factory.py"]),
        ("tests/test_client.py", "from . import factory", ["tests/factory.py"]),
        ("tests/test_client.py", "", ["tests/conftest.py", "conftest.py"]),
        ("tests/test_client.py", "patch('pkg.deep.codec.read')", ["src/pkg/deep/codec.py"]),
        ("tests/test_client.py", "run(['python', 'tools/run.py'])", ["tools/run.py"]),
        ("tests/test_client.py", "run(['python', '-m', 'tools.run'])", ["tools/run.py"]),
        ("src/pkg/deep/codec.py", "from ..client import Client", ["src/pkg/client.py"]),
        ("src/pkg/deep/codec.py", "from .. import client", ["src/pkg/client.py"]),
        ("src/pkg/client.py", "from pkg.deep import codec\nprint 'python 2'", ["src/pkg/deep/codec.py"]),
        ("src/pkg/client.py", "def f():\n    import pkg.deep\n", ["src/pkg/deep/__init__.py"]),
    ],
)  # fmt: skip
def test_python(path: str, text: str, found: Sequence[str]) -> None:
    assert set(imports(path, text, PathIndex(PYTHON))) >= set(found)


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("web/src/app.test.ts", "import { app } from './app'", ["web/src/app.ts"]),
        ("web/src/app.test.ts", "import './app.js'", ["web/src/app.ts"]),
        ("web/src/app.ts", 'import B from "@/ui/Button"', ["web/src/ui/Button.tsx"]),
        ("web/src/app.ts", "const d = require('./data.json')", ["web/src/data.json"]),
        ("web/src/app.test.ts", "jest.mock('./lib', () => 1)", ["web/src/lib/index.ts"]),
        ("web/src/app.ts", "import React from 'react'; import '../../../etc/passwd'", []),
        ("spec/shop_spec.rb", "require 'spec_helper'\nrequire_relative '../lib/shop'", SPECS),
        ("spec/shop_spec.rb", "describe Shop::CartItem do", ["lib/shop/cart_item.rb"]),
        ("tests/MailerTest.php", "<?php\nuse App\\Service\\Mailer;\n", ["src/Service/Mailer.php"]),
        ("src/Service/Mailer.php", "<?php\n$q = new Queue();", ["src/Service/Queue.php"]),
        ("src/Service/Mailer.php", "<?php\nrequire_once __DIR__ . '/Queue.php';", ["src/Service/Queue.php"]),
    ],
)  # fmt: skip
def test_scripting_languages(path: str, text: str, found: Sequence[str]) -> None:
    assert list(imports(path, text, PathIndex(SCRIPTS))) == found


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("cmd/main.go", 'import (\n\t"fmt"\n\tst "github.com/acme/repo/internal/store"\n)', STORE),
        ("cmd/main.go", 'import "github.com/acme/repo"', ["root.go"]),
        ("internal/store/store_test.go", "package store", STORE),
        ("core/src/test/java/com/acme/BarTest.java", "package com.acme;\nclass BarTest { Bar b; }", [BAR]),
        (BAR, "import static com.acme.util.Text.clip;", [TEXT]),
        (BAR, "import com.acme.util.*;\nText t;", [TEXT]),
        ("src/lib.rs", "pub mod codec;\nmod net;", ["src/codec.rs", "src/net/mod.rs"]),
        ("src/codec.rs", "use crate::net::tls::Stream;", ["src/lib.rs", "src/net/mod.rs", "src/net/tls.rs"]),
        ("src/net/mod.rs", "use super::codec::read;", ["src/codec.rs"]),
        ("tests/codec.rs", "use mycrate::{codec, net};", ["src/lib.rs", "src/codec.rs", "src/net/mod.rs"]),
        ("src/main.c", '#include "buf.h"\n#include <stdio.h>', ["include/buf.h", "src/buf.c"]),
        ("App/Program.cs", "using App;\nnew Mailer();", ["App/Mailer.cs"]),
    ],
)  # fmt: skip
def test_compiled_languages(path: str, text: str, found: Sequence[str]) -> None:
    assert list(imports(path, text, PathIndex(COMPILED))) == found


def test_what_is_imported_is_followed_until_a_text_is_missing() -> None:
    texts = {
        "tests/test_client.py": "from pkg import client",
        "src/pkg/client.py": "from .deep import codec",
        "src/pkg/__init__.py": "",
    }

    def read(paths: Sequence[str]) -> Mapping[str, str]:
        return {path: texts[path] for path in paths if path in texts}

    found = reach(["tests/test_client.py", "gone.py"], read, PYTHON)
    assert set(found) == set(texts)
    assert "src/pkg/deep/codec.py" in found["src/pkg/client.py"]


def test_a_reach_has_a_limit() -> None:
    chain = [f"m{number}.py" for number in range(50)]
    found = reach(
        ["m0.py"], lambda paths: {path: f"import m{int(path[1:-3]) + 1}" for path in paths}, chain, max_files=7
    )
    assert len(found) == 7


ANY = (*PYTHON, *SCRIPTS, *COMPILED)


@given(st.sampled_from(ANY), st.text(max_size=300) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_without_a_fault(path: str, text: str) -> None:
    assert is_read(path) or path.endswith(".json")
    assert set(imports(path, text, PathIndex(ANY))) <= set(ANY) - {path}


@pytest.mark.parametrize("path", ["a.py", "a.ts", "a.go", "A.java", "a.rs", "a.c", "a.rb", "a.php", "A.cs"])
@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "import " * 50_000,
        "use crate::{" * 40_000,
        "#include " * 50_000,
        'import ("' * 40_000,
        "a::" * 100_000,
        "from . import " * 30_000,
        "\x00" * 1_000,
    ],
)
def test_a_hostile_text_is_read_to_its_end(path: str, text: str) -> None:
    assert imports(path, text, PathIndex(ANY)) is not None
