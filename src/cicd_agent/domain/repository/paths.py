"""What a path says about its file, before anybody has read a line of it, and patterns that name files."""

import re
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import translate
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from cicd_agent.domain.verdict import RiskLevel


class PathKind(StrEnum):
    """One thing that a path's name and place say of the file; a file may be several."""

    DOCS = "docs"
    TEST = "test"
    EXAMPLE = "example"
    MIGRATION = "migration"
    DATABASE_SCHEMA = "database_schema"
    AUTH = "auth"
    API_CONTRACT = "api_contract"
    INFRASTRUCTURE = "infrastructure"
    DOCKERFILE = "dockerfile"
    DEPENDENCY_MANIFEST = "dependency_manifest"
    LOCK_FILE = "lock_file"
    WORKFLOW = "workflow"
    CI_CONFIG = "ci_config"
    PIPELINE = "pipeline"
    CODE_OWNERS = "code_owners"
    AGENT_INSTRUCTIONS = "agent_instructions"
    ENV_CONFIG = "env_config"
    OWN_CONFIG = "own_config"
    GENERATED = "generated"
    VENDORED = "vendored"
    SOURCE = "source"
    DATA = "data"
    ASSET = "asset"


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the product that a change touches and that is risky whatever the lines say.

    It sets a floor under the risk and is no finding: touching a migration is no mistake. `reason` is a clause that
    follows "this change" ("touches 2 database migrations").
    """

    kind: PathKind
    floor: RiskLevel
    reason: str
    paths: tuple[str, ...]


OWN_CONFIG = ".github/cicd-agent.yml"
UNCOUNTED = frozenset({PathKind.DOCS, PathKind.GENERATED, PathKind.VENDORED, PathKind.LOCK_FILE})
"""Nobody writes or reads these line by line: they count as files, their lines do not."""
EXECUTABLE = "100755"
"""The git mode of a file that runs."""
_SOURCE = frozenset(
    {
        *(PathKind.SOURCE, PathKind.MIGRATION, PathKind.INFRASTRUCTURE, PathKind.DEPENDENCY_MANIFEST),
        *(PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.DOCKERFILE, PathKind.OWN_CONFIG),
    }
)
_NOT_RUN = frozenset({PathKind.LOCK_FILE, PathKind.DATA, PathKind.ASSET, PathKind.DOCS})

_TABLES: dict[str, dict[str, list[str]]] = tomllib.loads(files(__package__).joinpath("paths.toml").read_text("utf-8"))
_SUFFIXES, _FOLDERS, _WORDS = (
    {kind: frozenset(names) for kind, names in _TABLES[table].items()} for table in ("suffixes", "folders", "words")
)
_NAMES, _PATHS = (
    {kind: re.compile("|".join(map(translate, patterns))) for kind, patterns in _TABLES[table].items()}
    for table in ("names", "paths")
)

# Suffixes of class files: the case of the letter tells LoginTest.java from latest.java.
_TEST_CLASSES = re.compile(r"(?:Test|Tests|IT|Spec)\.(?:java|kt|kts|scala|groovy|cs|php|swift)$")

_TEST_FOLDER = re.compile(r"[._-]tests$")
"""`integration_tests`, `Shop.Tests`."""

_MIGRATION_NAME = re.compile(
    r"v\d+[\d._]*__.+\.(?:sql|java|kt)|.+\.(?:up|down)\.sql|(?:version)?\d{3,}.*\.(?:py|rb|[jt]s|php|go|exs|cs)"
)

_REMEMBERED = 10_000
"""Paths whose kinds are kept: rules, risk, prompt and report each ask for those of every file of a change."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@lru_cache(_REMEMBERED)
def kinds(path: str) -> frozenset[PathKind]:
    """All kinds of a repository path (slashes, no leading one). Empty for what is none of them."""
    lower = path.lower()
    *parents, name = lower.split("/")
    folders = frozenset(parents)
    suffix = name.rpartition(".")[2] if "." in name else ""
    relation = _holding(
        {
            PathKind.VENDORED: folders & _FOLDERS["vendored"],
            PathKind.GENERATED: folders & _FOLDERS["generated"] or _NAMES["generated"].match(name),
            PathKind.EXAMPLE: folders & _FOLDERS["example"],
            PathKind.TEST: _is_test(path, name, suffix, parents),
        }
    )
    if _NAMES["lock"].match(name):
        return relation | {PathKind.LOCK_FILE}
    governance = _governance(path, lower)
    is_manifest = _is_manifest(lower, name, suffix, parents)
    if not (is_manifest or governance) and _is_prose(name, suffix, folders):
        return relation | {PathKind.DOCS}
    is_yaml = suffix in {"yml", "yaml"}
    is_workflow = lower.startswith(".github/workflows/") and is_yaml
    is_pipeline = _PATHS["pipelines"].match("/" + lower)
    is_ci = is_pipeline or _NAMES["ci"].match(name)
    is_of_cluster = folders & _FOLDERS["cluster"] and (is_yaml or suffix in {"json", "tpl", "j2"})
    is_product = not relation & {PathKind.TEST, PathKind.VENDORED, PathKind.EXAMPLE}
    is_source = suffix in _SUFFIXES["source"]
    return (relation | governance) | _holding(
        {
            PathKind.DEPENDENCY_MANIFEST: is_manifest,
            PathKind.OWN_CONFIG: lower == OWN_CONFIG,
            PathKind.SOURCE: is_source,
            PathKind.DATA: suffix in _SUFFIXES["data"],
            PathKind.ASSET: suffix in _SUFFIXES["asset"],
            PathKind.WORKFLOW: is_workflow,
            PathKind.CI_CONFIG: is_ci and not is_workflow,
            PathKind.PIPELINE: is_pipeline and not is_workflow,
            PathKind.DOCKERFILE: _NAMES["docker"].match(name),
            PathKind.INFRASTRUCTURE: _NAMES["infrastructure"].match(name) or is_of_cluster,
            PathKind.ENV_CONFIG: _NAMES["env"].match(name) and not _NAMES["env-template"].match(name),
            PathKind.MIGRATION: is_product and _is_migration(name, suffix, parents),
            PathKind.DATABASE_SCHEMA: is_product and _PATHS["schemas"].match("/" + lower),
            PathKind.API_CONTRACT: is_product and _NAMES["api"].match(name),
            PathKind.AUTH: is_product and is_source and _WORDS["auth"] & words(path),
        }
    )


def words(path: str) -> frozenset[str]:
    """The words that a path is put together from, in small letters."""
    return frozenset(word.lower() for word in _WORD.findall(path))


def _holding(conditions: Mapping[PathKind, object]) -> frozenset[PathKind]:
    return frozenset(kind for kind, holds in conditions.items() if holds)


def is_named(path: str, group: str) -> bool:
    """Whether the name of a file is one of a `group` of names in paths.toml ("program", "key-store")."""
    return _NAMES[group].match(path.rpartition("/")[2].lower()) is not None


def is_source(path: str, mode: str = "", start: str = "") -> bool:
    """Whether a file runs or is built: by its name, its git mode ("" is unknown), or a shebang at its start."""
    path_kinds = kinds(path)
    if PathKind.LOCK_FILE in path_kinds:
        return False
    if path_kinds & _SOURCE or is_named(path, "build"):
        return True
    return start.startswith("#!") or (mode in {EXECUTABLE, ""} and not path_kinds & _NOT_RUN)


def is_test(path: str) -> bool:
    """Whether `kinds` holds TEST, for who asks nothing else and asks it of every file of a repository."""
    *parents, name = path.lower().split("/")
    return _is_test(path, name, name.rpartition(".")[2] if "." in name else "", parents)


def _is_test(path: str, name: str, suffix: str, parents: list[str]) -> bool:
    if _NAMES["test"].match(name) or _TEST_CLASSES.search(path):
        return True
    if not _FOLDERS["test"].isdisjoint(parents) or parents[:1] == ["t"] or any(map(_TEST_FOLDER.search, parents)):
        return True
    if "spec" in parents:
        return suffix in {"rb", "js", "ts", "jsx", "tsx"}  # spec/openapi.yaml is a specification
    if "test" in parents:
        # A package named `test` inside a Python package is a product (django.test); at the top it holds the tests.
        return suffix != "py" or parents.index("test") == 0 or parents[parents.index("test") - 1] == "src"
    return False


def _governance(path: str, lower: str) -> frozenset[PathKind]:
    """What a path says of who approves changes and what agents do: text that is followed, not only read."""
    *parents, name = path.split("/")
    is_page = name.islower() and not _FOLDERS["docs"].isdisjoint(parents)
    return _holding(
        {
            PathKind.CODE_OWNERS: _PATHS["owners"].match("/" + lower),
            PathKind.AGENT_INSTRUCTIONS: _PATHS["agents"].match("/" + lower)
            or (_NAMES["agents"].match(name.lower()) and not is_page),
        }
    )


def _is_manifest(lower: str, name: str, suffix: str, parents: list[str]) -> bool:
    """Whether a path names dependencies, or the places they come from."""
    if _NAMES["manifest"].match(name) or _PATHS["registries"].match("/" + lower):
        return True
    return suffix in {"txt", "in"} and parents[-1:] == ["requirements"]


def _is_prose(name: str, suffix: str, folders: frozenset[str]) -> bool:
    if suffix in _SUFFIXES["prose"]:
        return True
    stem = name.partition(".")[0].replace("-", "_")
    if suffix in {"", "txt"} and stem in _WORDS["prose"]:
        return True
    return bool(folders & _FOLDERS["docs"]) and suffix in {"", "txt", "js", "html", "htm"} | _SUFFIXES["asset"]


def _is_migration(name: str, suffix: str, parents: list[str]) -> bool:
    """Django, Rails, Knex (numbered names), Flyway (V1__x.sql), Alembic (versions/), plain SQL in migrations/."""
    folders = {"migrations", "migration", "migrate", "alembic"}.intersection(parents)
    if not folders or name == "__init__.py":
        return bool(re.fullmatch(r"v\d+[\d._]*__.+\.sql", name))
    if suffix == "sql" or _MIGRATION_NAME.fullmatch(name):
        return True
    return parents[-1] == "versions" and suffix == "py"


if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def matcher(patterns: Sequence[str]) -> "GitIgnoreSpec":
    """What tells whether a path is meant. Raises ValueError for what is no pattern, such as `[z-a]` or a lone `!`."""
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  whoever asks for `--help` names no files

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Python's, about `[[`, which git reads as we do
        try:
            return GitIgnoreSpec.from_lines(patterns)
        except re.error as error:  # a library's slip: it lets that of the expression through that it makes
            raise ValueError(str(error)) from None


def all_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The same when each can be matched with. Raises ValueError that names the first that cannot by its number."""
    for number, pattern in enumerate(patterns, 1):
        try:
            matcher([pattern])
        except ValueError:
            raise ValueError(f"a list of patterns as .gitignore has them, and number {number} is none") from None
    return patterns
