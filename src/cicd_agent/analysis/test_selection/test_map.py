"""Which test executed what: the values, and the file in which they are kept, of which nothing is believed unchecked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError

from cicd_agent.domain.trials.test_run import Outcome
from cicd_agent.errors import ConfigError, first_problem

MAX_BYTES: Final = 100_000_000
"""Size of a map's file."""

_MAX = 200_000
_MAX_USED = 100_000
_CONFIG = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

_Text = Annotated[str, Field(max_length=4_000)]
_Names = Annotated[frozenset[_Text], Field(max_length=_MAX), PlainSerializer(sorted)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
_Index = Annotated[int, Field(ge=0, lt=_MAX)]
_Indices = Annotated[tuple[_Index, ...], Field(max_length=_MAX_USED)]


class UnitKind(StrEnum):
    CONSTANT = "constant"
    """What cannot fail, and cannot be changed in place: numbers, plain functions and classes."""
    VALUE = "value"
    """What a name is bound to, or changed in place: perhaps something that others can change."""
    FIXED = "fixed"
    """The same where nobody can change it: a regular expression, the test of a condition."""
    DEFINITION = "definition"
    """A class or a function, whose decorators, bases or default values can do anything."""
    IMPORT = "import"
    NOTE = "note"
    """Docstrings and annotations: whoever gets the object itself can read them."""
    EFFECT = "effect"
    """What is done for something else than a name."""


class Unit(NamedTuple):
    """One statement that runs at import. It binds or changes names (those in the body of `owner`, a class).

    `names` are those it uses, `module` what it imports; `calls` when something is called that can do more than that,
    `ran` are the functions that were then seen to run.
    """

    kind: UnitKind
    digest: _Digest
    binds: _Names
    names: _Names = frozenset()
    owner: _Text = ""
    module: _Text = ""
    calls: bool = False
    ran: _Names = frozenset()


class KnownFunction(NamedTuple):
    """The digest of its body, and the names it uses.

    `early` when it may run while modules are imported, and nobody saw for which statement.
    """

    body: _Digest
    early: bool
    names: _Names = frozenset()


@dataclass(frozen=True, slots=True)
class KnownSource:
    """One Python file: what stands outside of functions, statement by statement, and its functions.

    It imports `imports` anywhere, those of `guarded` where a failure is caught. A class by its last name has the names
    of its bases and decorators.
    """

    __pydantic_config__ = _CONFIG
    units: Annotated[tuple[Unit, ...], Field(max_length=_MAX)]
    functions: Annotated[dict[_Text, KnownFunction], Field(max_length=_MAX)]
    imports: _Names
    guarded: _Names
    classes: Annotated[dict[_Text, _Names], Field(max_length=_MAX)]
    loaded: bool = True
    """Whether the tests, or what collects them, imported it."""


@dataclass(frozen=True, slots=True)
class KnownTest:
    """What a test used when it was last run; functions are "path::qualified name" ("path::" is code at import).

    `unseen` says why not all that it uses is known, "" when nothing speaks against that.
    """

    outcome: Outcome
    seconds: float = 0.0
    functions: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class TestMap:
    """The tests by node id and the sources by path, as they were at `commit` under a `python` ("3.12.4").

    `files` were opened outside of all tests, while modules were imported.
    """

    __test__ = False
    commit: str
    python: str
    tests: Mapping[str, KnownTest] = field(default_factory=dict)
    sources: Mapping[str, KnownSource] = field(default_factory=dict)
    files: frozenset[str] = frozenset()


class _Test(BaseModel):
    model_config = _CONFIG

    id: _Text
    outcome: Outcome
    seconds: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    functions: _Indices
    files: _Indices
    unseen: _Text = ""


class _Map(BaseModel):
    """Functions and files are named once; a test has their indices in `names`."""

    model_config = _CONFIG

    version: Literal[3]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")]
    python: Annotated[str, Field(pattern=r"^\d{1,3}\.\d{1,3}[\w.+-]{0,40}$")]
    names: tuple[_Text, ...] = Field(max_length=_MAX)
    files: _Indices
    sources: dict[_Text, KnownSource] = Field(max_length=_MAX)
    tests: tuple[_Test, ...] = Field(max_length=_MAX)


def dump(test_map: TestMap) -> str:
    """The map as JSON: the same for the same map. Raises ConfigError when it is more than would be read again."""
    tests = sorted(test_map.tests.items())
    names = sorted(test_map.files.union(*(test.functions | test.files for _, test in tests)))
    indices = {name: index for index, name in enumerate(names)}

    def interned(used: Iterable[str]) -> tuple[int, ...]:
        return tuple(sorted(indices[name] for name in used))

    wire = _Map.model_construct(
        version=3,
        commit=test_map.commit,
        python=test_map.python,
        names=tuple(names),
        files=interned(test_map.files),
        sources=dict(sorted(test_map.sources.items())),
        tests=tuple(
            _Test.model_construct(
                id=nodeid,
                outcome=test.outcome,
                seconds=round(test.seconds, 4),
                functions=interned(test.functions),
                files=interned(test.files),
                unseen=test.unseen,
            )
            for nodeid, test in tests
        ),
    )
    try:
        text = wire.model_dump_json() + "\n"
        load(text)
    except (ConfigError, ValueError) as error:
        reason = error.why if isinstance(error, ConfigError) else str(error)
        raise ConfigError("the test map cannot be written", why=reason) from None
    return text


def load(text: str | bytes) -> TestMap:
    """The map that such a text holds. Raises ConfigError for anything else, with what is wrong with it."""
    try:
        if len(text) > MAX_BYTES:
            raise _unusable(f"it is over {MAX_BYTES:,} bytes")
        wire = _Map.model_validate_json(text)
    except ValidationError as error:
        raise _unusable(first_problem(error)) from None

    def named(indices: Iterable[int]) -> frozenset[str]:
        try:
            return frozenset(wire.names[index] for index in indices)
        except IndexError:
            raise _unusable("a place in it leads to no name") from None

    tests = {
        test.id: KnownTest(test.outcome, test.seconds, named(test.functions), named(test.files), test.unseen)
        for test in wire.tests
    }
    if len(tests) < len(wire.tests):
        raise _unusable("a test is in it twice")
    return TestMap(wire.commit, wire.python, tests, wire.sources, named(wire.files))


def _unusable(reason: str) -> ConfigError:
    return ConfigError("the test map cannot be used", why=reason, remedy="Make it again with `affected-tests --record`")
