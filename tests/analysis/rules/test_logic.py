"""Slips of logic: what each rule proves, where it says so, and the code as near to it that is right."""

import pytest

from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.finding import Finding
from tests.support.samples.changes import change_of

_RULES = {
    *(
        "missing-await",
        "removed-attribute",
        "lock-not-released",
        "swapped-arguments",
        "lost-result",
        "string-as-boolean",
    ),
}
_CLIENT = "class C:\n    async def ready(self):\n        return 1\n\n    async def go(self):\n"
_READ = "package a\n\nfunc (c *conn) read() error {\n\tc.mu.Lock()\n"


def found(path: str, after: str, before: str | None = None, *also: tuple[str, str | None, str]) -> list[Finding]:
    return [each for each in findings(change_of((path, before, after), *also)) if each.id in _RULES]


def ids(path: str, after: str, before: str | None = None, *also: tuple[str, str | None, str]) -> list[str]:
    return [each.id for each in found(path, after, before, *also)]


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("if not self.ready():", "if not await self.ready():"),
        ("self.ready()", "await self.ready()"),
        ("while x and self.ready():", "while x and await self.ready():"),
        ("y = self.ready() == 1", "y = await self.ready() == 1"),
        ("y = self.ready()[0]", ""),
    ],
)
def test_a_coroutine_that_is_used_without_await_is_shown_with_it(line: str, suggestion: str) -> None:
    body = f"        {line}\n" + ("            pass\n" if line.endswith(":") else "")
    (finding,) = found("a.py", _CLIENT + body)
    assert (finding.id, finding.location.line) == ("missing-await", 6)
    assert finding.suggestion.strip() == suggestion


@pytest.mark.parametrize(
    "line",
    [
        "x = self.ready()",
        "return self.ready()",
        "return x or self.ready()",
        "run(self.ready())",
        "other.ready()",
        "await (self.ready() or x)",
        "if True: pass\n        else:\n            self.ready()",
        "if await self.ready(): pass",
    ],
)
def test_a_coroutine_that_goes_elsewhere_is_no_finding(line: str) -> None:
    assert ids("a.py", f"{_CLIENT}        {line}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "import x\n\n@x.sync\nasync def ready():\n    return 1\n\n\ndef go():\n    ready()\n",
        "async def ready():\n    return 1\n\n\ndef go(ready):\n    ready()\n",
        "async def ready():\n    return 1\n\n\nready = sync(ready)\n\n\ndef go():\n    ready()\n",
        "if X:\n    async def ready(): ...\nelse:\n    def ready(): ...\n\ndef go():\n    ready()\n",
        "class A:\n    async def ready(): ...\n\nclass B:\n    def ready(self): ...\n    def go(self): self.ready()\n",
    ],
)
def test_a_name_that_may_be_something_else_than_a_coroutine_is_no_finding(text: str) -> None:
    assert ids("a.py", text) == []


def test_what_is_awaited_elsewhere_in_the_file_is_no_condition() -> None:
    text = "async def go(api):\n    a = await api.ready(1)\n    if api.ready(2):\n        return a\n"
    (finding,) = found("a.py", text)
    assert (finding.location.line, finding.suggestion) == (3, "    if await api.ready(2):")
    assert ids("a.py", text.replace("if api.ready(2):", "if b:\n        api.ready(2)")) == []
    assert ids("a.py", text.replace("async def go(api):", "async def go(api):\n    pass\n\n\ndef sync(api):", 1)) == []


def test_callers_that_a_change_to_async_leaves_behind_are_named_at_the_definition() -> None:
    before = "def ready():\n    return 1\n\n\n\n\n\n\n\ndef go():\n    if ready():\n        return 2\n"
    (finding,) = found("a.py", f"async {before}", before)
    assert finding.location.line == 1
    assert "line 11, in `go`, still does not await it" in finding.message
    assert ids("a.py", f"async {before}", f"async {before}".replace("return 1", "return 3")) == []


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        ("if (ready(a, b(c))) {", True),
        ("while (!ready(a) && c) {", True),
        ("if (ready(a).then(b)) {", False),
        ("if (await ready(a)) {", False),
        ("if (already(a)) {", False),
        ("if (other.ready(a)) {", False),
        ("// if (ready(a)) {", False),
        ("a.forEach(async (b) => {", True),
        ("const c = a.some(async function (b) {", True),
        ("const c = a.map(async (b) => {", False),
        ("a.forEach(async);", False),
        ("filter(list, async (b) => {", False),
    ],
)
def test_promises_in_scripts(line: str, *, fires: bool) -> None:
    text = f"const ready = async (a) => load(a);\nfunction go() {{\n  {line}\n"
    assert ids("web/a.js", text) == (["missing-await"] if fires else [])


def test_a_plain_function_of_the_same_name_makes_a_script_silent() -> None:
    text = "async function ready(a) {}\nclass B {\n  ready(a) {\n  }\n}\nif (ready(a)) {\n}\n"
    assert ids("web/a.js", text) == []
    assert ids("web/a.js", text.replace("  ready(a) {\n", "  other(a) {\n")) == ["missing-await"]


def test_an_attribute_that_is_still_read_in_an_untouched_line_is_shown_where_it_is_deleted() -> None:
    before = (
        "class V(W):\n    def __init__(self):\n        self.a = 1\n"
        + "\n" * 9
        + "    def b(self):\n        return self.a\n"
    )
    (finding,) = found("a.py", before.replace("self.a = 1", "self.c = 1"), before)
    assert (finding.location.line, finding.location.side) == (3, "LEFT")
    assert finding.message == "Nothing sets `self.a` any more, and line 14 still reads it."
    assert finding.confidence < 0.9
    assert ids("a.py", before.replace("        self.a = 1\n", "        pass\n"), before) == ["removed-attribute"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("class V(W):", "class V(Other):"),
        ("        pass\n", "        setattr(self, name, 1)\n"),
        ("        pass\n", "        for self.a in x: pass\n"),
        ("        pass\n", "        V().a = 3\n"),
        ("        pass\n", '        load("a")\n'),
        ("    def b", "    a: int\n    def b"),
        ("return self.a\n", "return a\n"),
    ],
)
def test_an_attribute_that_may_come_from_elsewhere_is_no_finding(old: str, new: str) -> None:
    before = "class V(W):\n    def __init__(self):\n        pass\n        self.a = 1\n"
    before += "    def b(self):\n        return self.a\n"
    after = before.replace("        self.a = 1\n", "")
    assert ids("a.py", after, before) == ["removed-attribute"]
    assert ids("a.py", after.replace(old, new), before) == []
    assert ids("a.py", after, before, ("b.py", None, "class W:\n    def __init__(self):\n        self.a = 1\n")) == []


def test_a_method_that_is_deleted_is_missed_only_where_nothing_is_inherited() -> None:
    before = "class V:\n    def a(self):\n        return 1\n\n    def b(self):\n        return self.a()\n"
    after = before.replace("    def a(self):\n        return 1\n\n", "")
    assert ids("a.py", after, before) == ["removed-attribute"]
    assert ids("a.py", after.replace("V:", "V(W):"), before.replace("V:", "V(W):")) == []


@pytest.mark.parametrize(
    ("body", "exits"),
    [
        ("\tif a {\n\t\treturn b\n\t}\n\tc.mu.Unlock()\n", 1),
        ("\tfor a {\n\t\tcontinue\n\t}\n\tc.mu.Unlock()\n", 0),
        ("\tif a {\n\t\tc.mu.Unlock()\n\t\treturn b\n\t}\n\tc.mu.Unlock()\n", 0),
        ("\tif a {\n\t\tc.mu.Unlock()\n\t} else {\n\t\treturn b\n\t}\n\tc.mu.Unlock()\n", 1),
        ("\tdefer c.mu.Unlock()\n\tif a {\n\t\treturn b\n\t}\n", 0),
        ("\tdefer func() {\n\t\tc.mu.Unlock()\n\t}()\n\tif a {\n\t\treturn b\n\t}\n\tc.mu.Unlock()\n", 0),
        ("\tgo func() {\n\t\treturn\n\t}()\n\tc.mu.Unlock()\n", 0),
        ("\tif a {\n\t\treturn c.unlockAndFail()\n\t}\n\tc.mu.Unlock()\n", 0),
        ("\tif a {\n\t\treturn b\n\t}\n\tc.other.Unlock()\n", 0),
        ("\tif a {\n\t\treturn b\n\t}\n\treturn nil\n", 0),
    ],
)
def test_a_path_in_go_leaves_with_the_lock(body: str, exits: int) -> None:
    hits = found("a.go", f"{_READ}{body}\treturn nil\n}}\n")
    assert [each.id for each in hits] == ["lock-not-released"] * exits
    assert all(each.quote == "return b" and "since line 4" in each.message for each in hits)


def test_a_turn_of_a_loop_in_go_leaves_with_the_lock() -> None:
    text = "func f() {\n\tfor {\n\t\tmu.RLock()\n\t\tif a {\n\t\t\tcontinue\n\t\t}\n\t\tmu.RUnlock()\n\t}\n}\n"
    assert ids("a.go", text) == ["lock-not-released"]
    assert ids("a_test.go", text) == []
    assert ids("a.go", text.replace("mu.RUnlock", "mu.Unlock")) == []
    assert ids("a.go", text, text.replace("mu.RLock()", "mu.RLock() // reads")) == ["lock-not-released"]


@pytest.mark.parametrize(
    ("inner", "fires"),
    [
        ("if a:\n        return 1", True),
        ("if a:\n        raise ValueError", True),
        ("for b in a:\n        continue", False),
        ("for b in a:\n        if b:\n            return 1", True),
        ("if a:\n        lock.release()\n        return 1", False),
        ("if a:\n        return stop(lock)", False),
        ("try:\n        return 1\n    except OSError:\n        pass", False),
        ("def g():\n        return 1", False),
    ],
)
def test_a_path_in_python_leaves_with_the_lock(inner: str, *, fires: bool) -> None:
    text = f"def f(lock, a):\n    lock.acquire()\n    {inner}\n    lock.release()\n"
    assert ids("a.py", text) == (["lock-not-released"] if fires else [])


def test_two_arguments_are_exchanged_in_the_suggestion() -> None:
    text = "class A:\n    def put(self, key, item): ...\n    def add(self, key, item):\n        self.put(item, key)\n"
    (finding,) = found("a.py", text)
    assert (finding.id, finding.suggestion) == ("swapped-arguments", "        self.put(key, item)")
    assert finding.message == "`put` takes `key` before `item`, and is given `item` before `key`."
    assert ids("a.py", text.replace("self.put(item, key)", "other.put(item, key)")) == []
    assert ids("a.py", text.replace("self.put(item, key)", "self.put(key, key)")) == []
    assert ids("a.py", text.replace("self.put(item, key)", "self.put(key, item)\n        self.put(item, key)")) == []
    assert ids("a.py", text.replace("def add", "def reversed_add")) == []


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        ("'aa: %s, bb: %s, cc: %s' % (aa, self.cc, bb)", True),
        ("'bb=%d cc=%d' % (cc, bb)", True),
        ("'bb=%d cc=%d' % (bb, cc)", False),
        ("'bb=%d (%d) cc=%d' % (cc, bb, bb)", False),
        ("'100%% bb=%d cc=%d' % (cc, bb)", True),
        ("bb % (cc, bb)", False),
    ],
)
def test_a_text_says_what_belongs_where(line: str, *, fires: bool) -> None:
    assert ids("a.py", f"def f(self, aa, bb, cc):\n    return {line}\n") == (["swapped-arguments"] if fires else [])


def test_calls_that_a_new_order_of_parameters_leaves_behind_are_named_at_the_definition() -> None:
    before = "def put(key, item, log=None):\n    pass\n" + "\n" * 8 + "def add(a, b):\n    put(a, b)\n    put(a)\n"
    after = before.replace("(key, item,", "(key, user, item,")
    (finding,) = found("a.py", after, before)
    assert finding.location.line == 1
    assert "line 12, in `add`, still passes `item` as argument 2, which is `user` now" in finding.message
    assert ids("a.py", after.replace("put(a, b)", "put(a, None, b)"), before) == []
    assert ids("a.py", before.replace("(key, item,", "(name, item,"), before) == []


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("d.get(k, []).append(v)", "d.setdefault(k, []).append(v)"),
        ("(d.get(k) or set()).add(v)", ""),
        ("d.get(k, {})[v] = 1", ""),
        ("name.strip()", "name = name.strip()"),
        ("name.splitlines()", ""),
        ("map(v, k)", ""),
    ],
)
def test_a_result_that_nobody_keeps(line: str, suggestion: str) -> None:
    (finding,) = found("a.py", f"def f(d, k, v, name: str):\n    {line}\n")
    assert (finding.id, finding.suggestion.strip()) == ("lost-result", suggestion)


@pytest.mark.parametrize(
    "line",
    [
        "x = d.get(k, []).append(v)",
        "d.get(k, {}).pop(v)",
        "d.get(k, v).append(1)",
        "d[k].append(v)",
        "k.strip()",
        "k.replace(v)",
        "name = name.strip()",
        "try:\n        name.strip()\n    except AttributeError:\n        pass",
    ],
)
def test_a_result_that_is_kept_or_not_proved_is_no_finding(line: str) -> None:
    assert ids("a.py", f"def f(d, k, v, name: str):\n    {line}\n") == []


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ('x = bool(os.getenv("A", "0"))', 0.95),
        ('if not os.environ.get("A", "False"):\n    x = 1', 0.95),
        ('if os.environ.get("A", "true"):\n    x = 1', 0.8),
        ('A = os.getenv("A", "no")\nif A and x:\n    x = 1', 0.95),
        ('DEBUG = os.getenv("DEBUG", "False")', 0.95),
        ('app.run(debug=os.getenv("DEBUG", "off"))', 0.95),
        ('p.add_argument("-a", type=bool)', 0.95),
        ('if os.getenv("A", ""):\n    x = 1', 0),
        ('if os.getenv("A", "cat"):\n    x = 1', 0),
        ('if os.getenv("A", "0") == "1":\n    x = 1', 0),
        ('A = os.getenv("A", "no")\nA = A == "yes"\nif A:\n    x = 1', 0),
        ('p.add_argument("-a", type=int)', 0),
    ],
)
def test_texts_that_are_always_true(text: str, confidence: float) -> None:
    hits = found("shop/a.py", f"import os\n\n{text}\n")
    assert [(each.id, each.confidence) for each in hits] == ([("string-as-boolean", confidence)] if confidence else [])
