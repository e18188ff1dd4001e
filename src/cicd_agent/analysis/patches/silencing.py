"""Finds what a patch silences instead of mending: checkers, exit codes, errors, and code that knows it is tested."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cicd_agent.analysis.patches.edit import Edit, grown


@dataclass(frozen=True, slots=True)
class Sign:
    """A way to silence something: `what` is a clause that begins with a verb.

    It is looked for in code alone, or in comments as well; with `places`, only in files whose name or suffix is there.
    """

    what: str
    pattern: re.Pattern[str]
    in_comments: bool = False
    places: frozenset[str] = frozenset()


def _any(*patterns: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), flags | re.MULTILINE)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Scripts, and what holds command lines.
_SHELL = _words(
    "sh bash zsh bats ksh fish mk makefile gnumakefile justfile dockerfile containerfile yml yaml json json5 toml cfg "
    "ini xml gradle kts rake rakefile bat cmd ps1 nix procfile conf env jenkinsfile cmake"
)

# Remarks that a checker obeys, with what follows them: one that names less, and so silences more, is another one.
_REMARKS = _any(
    r"#\s*(?:noqa|nosec|nosemgrep|nopycln)\b[^\n]{0,80}",
    r"#\s*(?:type|mypy|pyright|pyre|ty|ruff|flake8|pytype|isort|fmt|yapf|basedpyright)\s*:\s*(?:ignore|disable|noqa"
    r"|off|skip)[^\n]{0,80}",
    r"\bpylint\s*:\s*(?:disable|skip-file)[^\n]{0,80}",
    r"\bNOSONAR\b|\bnoinspection\b[^\n]{0,80}|@(?:typing\.)?no_type_check",
    r"\b(?:eslint|tslint|stylelint|oxlint|htmlhint|markdownlint|ktlint|swiftlint|rubocop|standard|credo|yamllint|jscs"
    r"|scalafix|scalastyle)"
    r"[-: ](?:disable|ignore|off|todo)[^\n]{0,80}",
    r"@ts-(?:ignore|expect-error|nocheck)|\$Flow(?:FixMe|Ignore)|\b(?:jshint|biome|deno-lint|prettier"
    r"|swift-format)[- ]ignore[^\n]{0,80}",
    r"\bNOLINT(?:NEXTLINE|BEGIN)?\b[^\n]{0,80}|\bnolint\b[^\n]{0,80}|\blint:(?:file-)?ignore[^\n]{0,80}"
    r"|\bcppcheck-suppress[^\n]{0,80}",
    r"#\s*pragma\s+(?:GCC|clang)\s+diagnostic\s+(?:ignored|warning)[^\n]{0,80}|#\s*pragma\s+warning[^\n]{0,80}"
    r"|#nullable\s+disable",
    r"@Suppress(?:Warnings|Lint|FBWarnings)?\b[^\n]{0,80}|@file:Suppress[^\n]{0,80}|CHECKSTYLE[:.]\s*OFF"
    r"|\bSuppressMessage\b[^\n]{0,80}",
    r"ReSharper\s+disable[^\n]{0,80}|@nowarn\b|@dialyzer\b",
    r"#!?\[\s*(?:allow|expect)\s*\([^\n]{0,80}|cfg_attr\([^\n]{0,60}(?:allow|ignore)",
    r"@?(?:phpstan|psalm|phan)-(?:ignore|suppress)[^\n]{0,80}|phpcs:(?:ignore|disable)[^\n]{0,80}"
    r"|codingStandardsIgnore\w*",
    r"//\s*ignore(?:_for_file)?\s*:[^\n]{0,80}",
    r"\b(?:shellcheck\s+disable|hadolint\s+ignore|tflint-ignore|checkov:skip|tfsec:ignore|trivy:ignore)[^\n]{0,80}",
    r"doctest:\s*\+(?:SKIP|ELLIPSIS)",
    r"//go:build\b[^\n]{0,80}|//\s*\+build\b[^\n]{0,80}",
)
_COVERAGE = _any(
    r"pragma:\s*no\s*(?:cover|branch)",
    r"\b(?:istanbul|c8|v8)\s+ignore\b",
    r"\b(?:LCOV|GCOVR?)_EXCL\w*",
    r"coverage:ignore",
    r"ExcludeFromCodeCoverage",
    r"@?codeCoverageIgnore\w*",
    r":nocov:",
    r"no_coverage|coverage\(off\)",
)
_MUTES = _any(
    r"\b(?:filterwarnings|simplefilter)\(\s*(?:action\s*=\s*)?[\"']ignore",
    r"-W\s*ignore\b",
    r"\blogging\.disable\(",
    r"\berror_reporting\(\s*0",
    r"\$VERBOSE\s*=\s*nil",
    r"-Wno-[\w=-]+",
    r"(?<![\w-])-w(?=[\s\"',)])(?=.*(?:CFLAGS"
    r"|FLAGS|gcc|clang))",
    r"\bOn\s+Error\s+Resume\s+Next\b",
    r"-ErrorAction\s+(?:SilentlyContinue|Ignore)",
    r"\$ErrorActionPreference\s*=\s*[\"'](?:Silent"
    r"|Cont)",
    r"console\.(?:error|warn)\s*=",
    r"PYTHONWARNINGS|NODE_NO_WARNINGS|PYTHONOPTIMIZE|\bD?NDEBUG\b|\bpython[\d.]*\s+-O+\b",
)
_CASTS = re.compile(
    r"\bas\s+any\b|\bas\s+unknown\s+as\b|<any>|:\s*any\s*(?=[=;,)\]|>])|\bcast\(\s*(?:\"Any\"|'Any'"
    r"|(?:typing\.)?Any)\s*,"
)

_EXIT_CODES = _any(
    r"\|\|\s*(?:true|:|exit(?:\s+0)?|/bin/true|return\s+0)(?=[\s\"';)\\]|$)",
    r"(?:;|&&|\|\||\|)\s*(?:/bin/)?(?:true|:)\s*(?=[\"')\\]|$)",
    r"\|\|\s*(?:echo|printf|warn|cd|continue)\b",
    r"\bset\s+\+\w*e\w*\b",
    r"\bset\s+\+o\s+(?:errexit|pipefail)",
    r"\bexit\s+0\b",
    r"\btrap\s+(?:''|\"\"|true|:|[\"']exit 0[\"'])",
    r"\|\s*(?:cat|tee)\b",
    r"\bshell:\s*bash\s+\{0\}",
    r"^\t@?-\s*\w",
    r"^\.IGNORE\b|^MAKEFLAGS\s*[+:]?=.*(?:-i|-k)\b",
)
_OPTIONS = _any(
    r"--exit-zero",
    r"--no-fail[\w-]*",
    r"--no-?errors?-?on[\w-]*",
    r"--pass-?with-?no-?tests",
    r"--(?:allow|ignore)-(?:fail"
    r"|error)[\w-]*",
    r"--force-exit|--forceExit",
    r"--skip-?tests?\b",
    r"-D(?:skipTests|skipITs|maven\.test\.(?:skip|failure\.ignore)"
    r"|testFailureIgnore)[^\s\"']*",
    r"--no-verify\b",
    r"--deselect\b[^\n]{0,60}",
    r"--ignore(?:-glob|-pattern|-path)?[= ][^\n]{0,60}",
    r"(?<![\w-])-k[= ]\s*\\?[\"']?\s*not\b[^\n]{0,60}",
    r"(?<![\w-])-m[= ]\s*\\?[\"']?\s*not\b[^\n]{0,60}",
    r"--test-?(?:path|name)-?ignore\S*"
    r"|--testPathIgnorePatterns\S*",
    r"--skip[= ][^\n]{0,60}",
    r"--exclude[= ][^\n]{0,60}",
    r"(?<![\w-])-x\s+(?:test|check|lint)\w*",
    r"(?<![\w-])-p\s+no:\w+",
    r"--(?:cov-)?fail-under[= ]?\S*",
    r"--max-warnings[= ]?\S*",
    r"--(?:reruns|retries|retry)\b[= ]?\S*",
    r"\bcontinue-?on-?error\b",
    r"\ballow_?failures?\b",
    r"\bignore_errors\s*[:=]\s*(?:true|yes)",
    r"\bignoreFailures?\b|\bignoreExitValue\b"
    r"|\btestFailureIgnore\b",
    r"\babortOnError\s*[= ]?\s*false",
    r"<skip(?:Tests|ITs)?>\s*true",
    r"\bif\s*:\s*(?:false|\$\{\{\s*false)",
    r"\b(?:fail|failOn)\w*\s*[=:]\s*false\b",
    r"--noEmitOnError\s+false",
)
_CONDITIONS = _any(
    r"\bor\s+True\b",
    r"\band\s+False\b",
    r"\|\|\s*(?:true|1)\b(?!\s*[.\[])",
    r"&&\s*(?:false|0)\b(?!\s*[.\[])",
    r"\bor\s+true\b",
    r"\b(?:if|while|unless|elif)\s*\(?\s*(?:false|0)\s*(?:[):{]|then\b"
    r"|$)",
    r"^[ \t]*#\s*if(?:def)?\s+(?:0|NEVER|DISABLED)\b",
    r"\bif\s*\(\s*(?:true|1)\s*\)",
    r"\bif\s+(?:True|1)\s*:",
    r"\bunless\s+true\b",
    r"\bcfg\(any\(\)\)",
)
_EXITS = _any(
    r"\b(?:sys\.|process\.|System\.|Environment\.|process::)?exit\s*\(\s*(?:0|EXIT_SUCCESS|None"
    r"|true)?\s*\)",
    r"\bos\.(?:_exit|Exit)\s*\(\s*0?\s*\)",
    r"\bos\._exit\b",
    r"\b_exit\s*\(",
    r"\bSystemExit\s*(?:\(\s*(?:0|None)?\s*\)|$)",
    r"\bprocess\.exitCode\s*=\s*0",
    r"\bexitstatus\s*=",
    r"\bexit!",
    r"\bquit\(\s*0?\s*\)",
    r"\bSystem\.halt\(0",
)
_SWALLOWS = _any(
    r"\bexcept\b[^\n:]*:\s*(?:pass|\.\.\.|continue)\b",
    r"\bexcept(?:\s+\(?(?:Base)?Exception\b[^\n:]*)?:\s*return\b[^\n]*",
    r"\bexcept\s*:",
    r"\bexcept\s+\(?\s*(?:[\w.]+\s*,\s*)*(?:SystemExit|BaseException"
    r"|AssertionError)\b",
    r"\bsuppress\(\s*(?:Base)?(?:Exception|AssertionError)",
    r"\bcatch\s*(?:\([^)\n]*\)|[\w.: ]+)?\s*\{\s*(?:(?:return|continue"
    r"|break)\b[^{};\n]{0,20};?)?\s*\}",
    r"\bcatch\s*\(\s*(?:final\s+)?(?:AssertionError|Throwable)\b",
    r"\bcatch\s*\(\s*\.\.\.\s*\)",
    r"\brescue\b[^\n]*\n\s*(?:nil\s*\n\s*|next\s*\n\s*)?end\b",
    r"\brescue\s+(?:nil|true"
    r"|Exception)\b",
    r"\.catch\(\s*(?:\(\s*\w*\s*\)|\w+)\s*=>\s*(?:\{\s*\}|null|undefined|void 0|true|false"
    r"|\[\])",
    r"\.catch\(\s*(?:noop|function\s*\(\w*\)\s*\{\s*\})",
    r"\brecover\(\)",
    r"\bif\s+err\s*!=\s*nil\s*\{\s*\}",
    r"\bErr\(\s*_\w*\s*\)\s*=>\s*(?:\{\s*\}|\(\s*\))",
    r"uncaughtException"
    r"|unhandledRejection|catch_unwind",
    r"\btry\?\s",
    r"\bset_exception_handler\b|\bset_error_handler\b|sys\.excepthook",
)
_KNOWS = _any(
    r"PYTEST_CURRENT_TEST",
    r"[\"'](?:pytest|unittest"
    r"|_pytest)[\"']\s+(?:not\s+)?in\s+sys\.modules",
    r"JEST_WORKER_ID",
    r"NODE_ENV[\"'\]]*\s*[!=]={1,2}\s*[\"']test",
    r"\bprocess\.env\.(?:CI|VITEST|GITHUB_ACTIONS)\b",
    r"\btesting\.Testing\(\)",
    r"(?:getenv|environ(?:\.get)?|ENV"
    r"|env::var)\s*[(\[]\s*[\"'](?:CI|GITHUB_ACTIONS)[\"']",
    r"\bRUNNING_(?:UNIT_)?TESTS?\b|\bIS_TEST(?:ING)?\b|\bUNDER_TEST\b",
    r"\bRails\.env\.test\?",
)
_AGREES = _any(
    r"\bdef\s+__(?:eq|contains"
    r"|bool)__\([^)]*\)[^:\n]*:\s*return\s+True\b",
    r"\bequals\s*\([^)]*\)\s*\{\s*return\s+true",
    r"\boperator==\s*\([^)]*\)[^{;]*\{\s*return\s+true",
    r"\bdef\s+==\s*\(?\w*\)?\s*\n?\s*true\b",
)
_HOOKS = _any(
    r"\bpytest_(?:collection_\w+|collect_\w+|runtest_\w+|session\w+|ignore_collect|itemcollected|exception_interact"
    r"|report_\w+|pyfunc_call"
    r"|pycollect\w*|cmdline_\w+|generate_tests|configure|unconfigure|deselected|assertrepr_compare|fixture_setup"
    r"|warning_recorded|load_initial\w*)\b",
    r"\bcollect_ignore(?:_glob)?\b",
    r"\bhook(?:wrapper|impl)\b",
    r"\.outcome\s*=|\.(?:wasxfail|keywords\[)",
    r"\b__test__\s*=\s*False",
    r"\bload_tests\b",
    r"\bjest\.retryTimes\b|\bMinitest::Retry\b",
)

_SIGNS = (
    Sign("switches something off by a remark", _REMARKS, in_comments=True),
    Sign("takes code out of the coverage", _COVERAGE, in_comments=True),
    Sign("mutes warnings or errors", _MUTES),
    Sign("casts a type away", _CASTS),
    Sign("hides an exit code", _EXIT_CODES, places=_SHELL),
    Sign("tells a tool to overlook failures or to leave something out", _OPTIONS, in_comments=True),
    Sign("adds a condition that is always or never true", _CONDITIONS),
    Sign("ends the program as if all were well", _EXITS),
    Sign("swallows errors", _SWALLOWS),
    Sign("makes code behave otherwise when it is tested", _KNOWS),
    Sign("makes everything equal", _AGREES),
    Sign("interferes with how tests are collected or judged", _HOOKS, places=frozenset({"py"})),
)


_RUNS = re.compile(
    r"\b(?:pytest|tox|nox|unittest|jest|vitest|mocha|eslint|prettier|tsc|ruff|mypy|pyright|flake8|pylint|rspec|rubocop"
    r"|phpunit|phpstan|ctest|shellcheck|golangci-lint|playwright|cypress|coverage|bats)\b"
    r"|\b(?:npm|yarn|pnpm|bun|make|go|cargo|dotnet|swift|mvnw?|gradlew?|rake|mix|sbt|bazel|composer|bundle|flutter|dart"
    r"|deno|hatch|uv|poetry|just)\b[^\n|&;]{0,80}\b(?:test|tests|check|lint|vet|clippy|verify|spec|analyze|validate)\b"
)
_STOPS = re.compile(r"\bset\s+-\w*e\w*|\b(?:errexit|pipefail)\b|^#![^\n]*\s-\w*e\w*", re.MULTILINE)


def _unstarted(edit: Edit) -> Iterator[str]:
    """What a script no longer starts, or no longer stops at."""
    for piece in edit.pieces:
        gone, come = ({line.strip().rstrip(",") for line in lines} for lines in (piece.deleted, piece.added))
        if any(_RUNS.search(line[:500]) and not line.startswith(("#", "//")) for line in gone - come):
            yield f"changes how tests or checks are started ({edit.path})"
        if grown(_STOPS, piece.new, piece.old):
            yield f"goes on after a command that fails ({edit.path})"


def silenced(edit: Edit) -> Iterator[str]:
    """What an edit silences, a clause for each way in which it does."""
    if edit.is_prose:
        return
    names = {edit.suffix, edit.name, edit.name.partition(".")[0]}
    for sign in _SIGNS:
        if sign.places and not sign.places & names:
            continue
        for piece in edit.pieces:
            both = (piece.old, piece.new) if sign.in_comments else (piece.old_code, piece.new_code)
            if grown(sign.pattern, *both):
                yield f"{sign.what} ({edit.path})"
                break
    if names & _SHELL:
        yield from _unstarted(edit)
