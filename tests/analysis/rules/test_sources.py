"""Where packages and submodules come from: what is found in lock files, registries and .gitmodules, and what is not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.finding import Finding, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Side
from tests.support.samples.changes import as_link, change_of

NPM = '    "node_modules/a": {\n      "version": "1.0.0",\n      "resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz"\n'
COMPOSER = '      "dist": {\n        "type": "zip",\n        "url": "https://api.github.com/repos/a/b/zipball/1"\n'
# For each lock file a line as its tool writes it, and the same line with another host.
LINES = {
    "package-lock.json": '      "resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz",',
    "web/npm-shrinkwrap.json": '      "resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz",',
    "yarn.lock": '  resolved "https://registry.yarnpkg.com/a/-/a-1.0.0.tgz#0a"',
    "pnpm-lock.yaml": "    resolution: {integrity: sha512-aa==, tarball: https://registry.npmjs.org/a/-/a-1.tgz}",
    "poetry.lock": 'url = "https://pypi.org/simple"',
    "uv.lock": 'source = { registry = "https://pypi.org/simple" }',
    "tool.py.lock": 'sdist = { url = "https://files.pythonhosted.org/packages/a-1.tar.gz", size = 1 }',
    "Pipfile.lock": '                "url": "https://pypi.org/simple",',
    "Cargo.lock": 'source = "registry+https://github.com/rust-lang/crates.io-index"',
    "Gemfile.lock": "  remote: https://rubygems.org/",
    "composer.lock": '                "url": "https://api.github.com/repos/a/b/zipball/1",',
    "pubspec.lock": '      url: "https://pub.dev"',
    "conda-lock.yml": "  url: https://conda.anaconda.org/conda-forge/noarch/a-1.conda",
}
HOSTS = [
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "pypi.org",
    "files.pythonhosted.org",
    "api.github.com",
    "github.com",
    "rubygems.org",
    "pub.dev",
    "conda.anaconda.org",
]


def found(*files: tuple[str, str | None, str | None], paths: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    return findings(change_of(*files, paths=paths))


def without_texts(change: Change) -> Change:
    """The change as the API gives it: patches and nothing else."""
    return replace(change, texts={}, old_texts={})


def elsewhere(line: str, host: str = "packages.example.net") -> str:
    return next(line.replace(usual, host) for usual in HOSTS if usual in line)


@pytest.mark.parametrize(("path", "line"), LINES.items())
def test_an_ordinary_update_of_a_lock_file_is_nothing(path: str, line: str) -> None:
    before, after = f"a\n{line}\nb\n", f"a\n{line.replace('1', '2')}\n{line}\nb\n"
    for change in (change_of((path, before, after)), change_of((path, None, after))):
        assert findings(change) == ()
        assert findings(without_texts(change)) == ()


@pytest.mark.parametrize(("path", "line"), LINES.items())
@pytest.mark.parametrize("known", [True, False])
def test_a_new_host_in_a_lock_file_is_named(path: str, line: str, *, known: bool) -> None:
    change = change_of((path, f"a\n{line}\nb\n", f"a\n{elsewhere(line)}\nb\n"))
    (one,) = findings(change if known else without_texts(change))
    assert (one.id, one.severity, one.location.line) == ("lock-file-source", Severity.HIGH, 2)
    assert "`packages.example.net`" in one.message


@pytest.mark.parametrize(("path", "line"), LINES.items())
def test_a_host_that_the_lock_file_had_before_is_nothing(path: str, line: str) -> None:
    other = elsewhere(line)
    assert found((path, f"{other}\n{line}\n", f"{other}\n{other.replace('1', '2')}\n")) == ()


@pytest.mark.parametrize(
    "address",
    [
        "https:\\/\\/evil.example\\/a.tgz",
        "https:\\u002f\\u002fevil.example/a.tgz",
        "https://registry.npmjs.org@evil.example/a.tgz",
        "https:/evil.example/a.tgz",
        "https:evil.example/a.tgz",
        "HTTPS://EVIL.example/a.tgz",
        "git+ssh://git@evil.example/a/b.git#0a",
        "git@evil.example:a/b.git",
    ],
)
def test_an_address_is_an_address_however_it_is_spelt(address: str) -> None:
    (one,) = found(("package-lock.json", NPM, NPM.replace("https://registry.npmjs.org/a/-/a-1.0.0.tgz", address)))
    assert (one.id, one.severity) == ("lock-file-source", Severity.HIGH)
    assert "evil.example`" in one.message.lower()


def test_an_archive_address_of_yarn_is_read() -> None:
    line = '  resolution: "a@npm:1.0.0::__archiveUrl=https%3A%2F%2Fevil.example%2Fa.tgz"\n'
    (one,) = found(("yarn.lock", "a\n", "a\n" + line))
    assert "`evil.example`" in one.message


def test_a_lock_file_on_one_line_hides_nothing() -> None:
    entries = '{"resolved":"https://registry.npmjs.org/a.tgz"},' * 400
    (one,) = found(("package-lock.json", entries, entries + '{"resolved":"https://evil.example/a.tgz"}'))
    assert "`evil.example`" in one.message
    assert "https://evil.example/a.tgz" in one.quote


def test_the_same_host_without_encryption_is_found() -> None:
    (one,) = found(("package-lock.json", NPM, NPM.replace("https:", "http:")))
    assert (one.id, one.severity) == ("lock-file-source", Severity.HIGH)
    assert "unencrypted" in one.message
    plain = NPM.replace("https:", "http:")
    assert found(("package-lock.json", plain, plain + plain.replace("1.0.0", "1.0.1"))) == ()


def test_code_of_a_forge_where_all_else_comes_from_a_registry_is_medium() -> None:
    (one,) = found(
        ("package-lock.json", NPM, NPM.replace("https://registry.npmjs.org/", "git+ssh://git@github.com/x/"))
    )
    assert (one.severity, "`github.com/x`" in one.message) == (Severity.MEDIUM, True)
    # Another account of the same forge is somebody else.
    again = NPM.replace("https://registry.npmjs.org/", "git+ssh://git@github.com/y/")
    assert len(found(("package-lock.json", again, again.replace("/y/", "/x/")))) == 1


@pytest.mark.parametrize(
    ("path", "manifest", "named", "locked"),
    [
        ("Gemfile.lock", "Gemfile", 'gem "a", github: "org/a"', "  remote: https://github.com/org/a.git"),
        (
            "uv.lock",
            "pyproject.toml",
            '"a @ git+https://github.com/org/a"',
            'source = { git = "https://github.com/org/a" }',
        ),
        (
            "yarn.lock",
            "package.json",
            '    "a": "github:org/a"',
            '  resolved "https://codeload.github.com/org/a/tar.gz/0"',
        ),
        (
            "Cargo.lock",
            "Cargo.toml",
            'a = { git = "https://git.org/a.git" }',
            'source = "git+https://git.org/a.git#0a"',
        ),
    ],
)
def test_what_a_manifest_of_the_change_names_is_no_surprise(path: str, manifest: str, named: str, locked: str) -> None:
    lock = (path, "a\n", f"a\n{locked}\n")
    assert [one.id for one in found(lock)] == ["lock-file-source"]
    assert found(lock, (manifest, "x\n", f"x\n{named}\n")) == ()


def test_a_new_registry_is_reported_once_where_it_is_chosen() -> None:
    table = '[[tool.uv.index]]\nname = "a"\nurl = "https://packages.example.net/simple"\n'
    lock = LINES["uv.lock"]
    change = (("pyproject.toml", "x = 1\n", f"x = 1\n{table}"), ("uv.lock", f"{lock}\n", f"{elsewhere(lock)}\n"))
    assert [(one.id, one.location.path) for one in found(*change)] == [("package-registry", "pyproject.toml")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("package-lock.json", '  "funding": {\n    "type": "x",\n    "url": "https://x.example/fund"\n  }'),
        ("package-lock.json", '  "deprecated": "moved to https://x.example/a, \'sorry\'",'),
        ("pnpm-lock.yaml", "    deprecated: |-\n      moved, see https://x.example/a"),
        (
            "composer.lock",
            '  "homepage": "https://x.example",\n  "funding": [\n    {\n      "url": "https://x.example/f",',
        ),
        ("composer.lock", '  "support": {\n    "source": "https://x.example/a/tree/1"\n  },'),
        ("poetry.lock", 'description = "A client for https://x.example/"'),
        ("yarn.lock", '"@npmcli/git@npm:^7.0.0":\n  resolution: "@npmcli/git@npm:7.0.0"'),
        ("composer.lock", '  "_readme": [\n    "Read more about it at http://getcomposer.org/doc/01.md#lock",'),
        ("package-lock.json", '  "resolved": "file:../a",\n  "link": true'),
        ("yarn.lock", '"a@workspace:packages/a":\n  resolution: "a@workspace:packages/a"'),
        ("yarn.lock", '  resolution: "a@patch:a@npm%3A1.0.0#~/.yarn/patches/a-npm-1.0.0.patch::version=1&hash=0"'),
    ],
)
def test_links_for_readers_are_no_sources(path: str, text: str) -> None:
    assert found((path, "a\n", f"a\n{text}\n")) == ()


@pytest.mark.parametrize(
    ("path", "before", "text"),
    [
        ("pnpm-lock.yaml", "    deprecated: it is\n", "    resolution: {tarball: https://x.example/a.tgz}"),
        ("package-lock.json", '      "deprecated": "",\n', '      "resolved": "https://x.example/a.tgz"'),
        ("package-lock.json", "{\n", '"funding": "", "resolved": "https://x.example/a.tgz"'),
        ("poetry.lock", 'description = ""\n', 'url = "https://x.example/a.tgz"'),
        ("composer.lock", '"homepage": "",\n', '"dist": {"url": "https://x.example/a.zip"'),
    ],
)
def test_a_link_for_readers_beside_it_hides_no_source(path: str, before: str, text: str) -> None:
    assert [one.id for one in found((path, before, f"{before}{text}\n"))] == ["lock-file-source"]


def test_a_host_of_a_lock_file_cannot_write_markup_or_secrets() -> None:
    name = "x\x1b[1m`<img>%s.example" % ("\u0430" * 200)
    (one,) = found(("yarn.lock", "a\n", f'a\n  resolved "https://user:pa55word@{name}/a.tgz"\n'))
    assert "<img>" not in one.message
    assert "pa55word" not in one.message
    assert one.message.isascii()
    assert one.message.isprintable()


def test_the_path_of_a_submodule_stays_in_its_code_span() -> None:
    module = MODULE.replace("path = lib", "path = `@me` <img>")
    (one,) = found((".gitmodules", module, module.replace("org", "0rg")))
    assert one.message.count("`") == 2


def test_a_sign_of_a_comment_within_a_value_hides_no_registry() -> None:
    line = "extra-index-url = https://pypi.org/simple #a https://x.example/simple"
    assert [one.id for one in found(("pip.conf", "[global]\n", f"[global]\n{line}\n"))] == ["package-registry"]


REGISTRIES = [
    (".npmrc", "@org:registry=https://{}/"),
    ("web/.yarnrc", 'registry "https://{}/"'),
    (".yarnrc.yml", 'npmRegistryServer: "https://{}"'),
    ("bunfig.toml", 'registry = "https://{}/"'),
    ("pip.conf", "extra-index-url = https://{}/simple"),
    ("etc/pip.ini", "index-url = https://user:${{PASSWORD}}@{}/simple"),
    ("uv.toml", 'url = "https://{}/simple"'),
    (".pypirc", "repository = https://{}/legacy/"),
    ("nuget.config", '<add key="a" value="https://{}/v3/index.json" />'),
    (".cargo/config.toml", 'index = "sparse+https://{}/index/"'),
    ("requirements.txt", "--extra-index-url https://{}/simple"),
    ("requirements/dev.in", "-i https://{}/simple"),
    ("Gemfile", 'source "https://{}/" do'),
    ("settings.gradle.kts", 'maven {{ url = uri("https://{}/m2") }}'),
    ("build.gradle", 'maven {{\n    url "https://{}/m2"'),
    ("settings.xml", "<mirror>\n<id>a</id>\n<mirrorOf>*</mirrorOf>\n<url>https://{}/maven</url>"),
    ("pom.xml", "<repository>\n<id>a</id>\n<url>https://{}/maven</url>"),
    ("pyproject.toml", '[[tool.poetry.source]]\nname = "a"\nurl = "https://{}/simple"'),
    ("Pipfile", '[[source]]\nname = "a"\nurl = "https://{}/simple"'),
    ("package.json", '"publishConfig": {{"registry": "https://{}/"}}'),
    ("composer.json", '"type": "composer",\n"url": "https://{}"'),
]


@pytest.mark.parametrize(("path", "line"), REGISTRIES)
@pytest.mark.parametrize("known", [True, False])
def test_a_registry_that_is_chosen_is_named(path: str, line: str, *, known: bool) -> None:
    change = change_of((path, "a\n", f"a\n{line.format('packages.example.net')}\n"))
    (one,) = findings(change if known else without_texts(change))
    assert (one.id, one.severity) == ("package-registry", Severity.HIGH)
    assert "`packages.example.net`" in one.message
    assert "packages.example.net" in one.quote
    assert findings(change_of((path, "a\n", f"a\n{line.format('pypi.org')}\n"))) == ()


@pytest.mark.parametrize(("path", "line"), REGISTRIES)
def test_a_registry_that_was_there_before_is_nothing(path: str, line: str) -> None:
    before = line.format("packages.example.net")
    assert found((path, f"{before}\n", f"{before}\nsave-exact=true\n")) == ()
    assert found((path, f"{before}\n", f"x\n{before.replace('simple', 'other')}\n")) == ()


@pytest.mark.parametrize(("folder", "severity"), [("tests/data", Severity.LOW), ("examples/a", Severity.MEDIUM)])
def test_a_registry_of_a_sample_weighs_less(folder: str, severity: Severity) -> None:
    (one,) = found((f"{folder}/.npmrc", None, "registry=https://npm.example.net/\n"))
    assert one.severity is severity


def test_a_registry_that_goes_is_found_where_it_stood() -> None:
    (one,) = found((".npmrc", "@org:registry=https://npm.org.example/\n", "save-exact=true\n"))
    assert (one.location.side, one.location.line, one.severity) == (Side.LEFT, 1, Severity.MEDIUM)
    assert "`npm.org.example`" in one.message


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (".npmrc", "strict-ssl=false"),
        ("requirements.txt", "--trusted-host packages.example.net"),
        ("pip.conf", "trusted-host = packages.example.net"),
        ("Pipfile", "verify_ssl = false"),
        ("build.gradle", "  allowInsecureProtocol = true"),
        (".yarnrc.yml", "enableStrictSsl: false"),
        ("uv.toml", 'allow-insecure-host = ["packages.example.net"]'),
    ],
)
def test_a_registry_that_is_no_longer_checked_is_found(path: str, line: str) -> None:
    assert [one.id for one in found((path, "a\n", f"a\n{line}\n"))] == ["package-registry"]
    assert found((path, "a\n", f"a\n# {line}\n")) == ()


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (".npmrc", "# see https://docs.example.net/"),
        ("pyproject.toml", '[project.urls]\nHomepage = "https://x.example/"\nurl = "https://x.example/"'),
        ("pom.xml", "<organization>\n<url>https://x.example</url>"),
        ("pom.xml", "<url>https://x.example</url>"),
        ("package.json", '"homepage": "https://x.example/",'),
        ("build.gradle", 'scm { url = "https://x.example/" }'),
        ("requirements.txt", "a @ https://x.example/a-1.0.tar.gz"),
        ("Gemfile", '# source "https://x.example/"'),
        ("composer.json", '"homepage": "https://x.example/",'),
        ("settings.xml", '<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">'),
    ],
)
def test_other_addresses_in_a_manifest_are_no_registries(path: str, line: str) -> None:
    assert found((path, "a\n", f"a\n{line}\n")) == ()


MODULE = '[submodule "lib"]\n\tpath = lib\n\turl = https://github.com/org/lib.git\n'


@pytest.mark.parametrize(
    "after",
    [
        MODULE.replace("org", "0rg"),
        MODULE.replace("github.com", "github.example"),
        MODULE.replace("https:", "http:"),
        MODULE.replace("https://github.com/org/", "../"),
        MODULE + MODULE.replace("org", "0rg"),
        MODULE.replace('"lib"', '"other"').replace("org", "0rg"),
    ],
)
def test_a_submodule_of_another_repository_is_found(after: str) -> None:
    change = change_of((".gitmodules", MODULE, after))
    for each in (change, without_texts(change)):
        assert [(one.id, one.severity) for one in findings(each)] == [("submodule-url", Severity.HIGH)]


@pytest.mark.parametrize(
    "after",
    [
        MODULE.replace("https://github.com/", "git@github.com:"),
        MODULE.replace(".git\n", "\n"),
        MODULE + '[submodule "b"]\n\tpath = b\n\turl = https://github.com/org/b.git\n',
        MODULE + "\tbranch = main\n",
        "",
    ],
)
def test_a_submodule_of_the_same_repository_or_a_new_one_is_no_finding(after: str) -> None:
    assert found((".gitmodules", MODULE, after)) == ()


@pytest.mark.parametrize("line", ["\tupdate = !sh x", "\turl = ext::sh -c x", "\turl = -u./payload", "\tpath = -x"])
def test_what_git_may_run_is_found(line: str) -> None:
    assert {one.id for one in found((".gitmodules", MODULE, f"{MODULE}{line}\n"))} == {"submodule-url"}


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("import os; os.system('id')\n", Severity.HIGH),
        ("# x\n\nimport\tx\n", Severity.HIGH),
        ("\ufeffimport x\n", Severity.HIGH),
        ("/opt/app\n", Severity.MEDIUM),
        ("imports\n", Severity.MEDIUM),
    ],
)
def test_a_path_file_is_found(text: str, severity: Severity) -> None:
    for path in ("hook.pth", "vendor/site-packages/x.PTH"):
        (one,) = found((path, None, text))
        assert (one.id, one.severity) == ("path-file", severity)
    (one,) = found(("tests/data/x.pth", None, text))
    assert one.severity.rank < severity.rank


def test_a_path_file_without_effect_and_weights_of_a_model_are_no_finding() -> None:
    assert found(("a.pth", None, "# nothing\n\n")) == ()
    assert "path-file" not in {one.id for one in found(("model.pth", None, "\0"))}


def link(path: str, target: str) -> list[Severity]:
    change = change_of((path, None, target))
    change = replace(change, files=tuple(map(as_link, change.files)), texts={})
    return [one.severity for one in findings(change) if one.id == "escaping-link"]


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("a", "/etc/passwd"),
        ("a", "../b"),
        ("a/b/c", "../../../d"),
        ("a/b", "e/e/../../../x"),
        ("a", ".git/config"),
        ("a/b", "../.GIT/hooks"),
        ("a", "C:\\Windows"),
        ("a", "..\\b"),
        ("vendor/a", "/etc/passwd"),
    ],
)
def test_a_link_out_of_the_repository_is_found(path: str, target: str) -> None:
    assert link(path, target) == [Severity.HIGH]


@pytest.mark.parametrize(
    ("path", "target"),
    [("a", "b"), ("a/b", "../c"), ("CLAUDE.md", "AGENTS.md"), ("a", "..b/c"), ("tests/null", "/dev/null")],
)
def test_a_link_inside_is_no_finding(path: str, target: str) -> None:
    assert link(path, target) == []


def test_a_link_of_a_test_weighs_less() -> None:
    assert link("tests/data/a", "/nowhere") == [Severity.MEDIUM]


@given(
    path=st.sampled_from([*LINES, *(path for path, _ in REGISTRIES), ".gitmodules", "x.pth"]),
    text=st.lists(st.text("htps:/\\u%2fF@.g[]{}\"'=#$ \n\tai", max_size=60), max_size=8).map("\n".join),
    known=st.booleans(),
)
def test_any_text_is_read(path: str, text: str, *, known: bool) -> None:
    for change in (change_of((path, "url = https://a/b\n", text)), change_of((path, text, "registry=https://a/b\n"))):
        for one in findings(change if known else without_texts(change)):
            assert one.message.isprintable()
