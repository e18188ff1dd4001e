from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.trials.test_run import AffectedTests
from cicd_agent.domain.verdict import Conclusion, RiskLevel
from cicd_agent.modes.route.result import Cells
from cicd_agent.modes.route.table import build_for, planned
from tests.modes.route.routing import (
    CODE,
    COMMENT,
    DEPENDENCIES,
    DOCS,
    LOGIN,
    MIGRATION,
    PROVED,
    SECRET,
    UNPROVED,
    evidence,
    route,
    settings,
)
from tests.support.samples.changes import change_of

LONG = ("src/app/long.py", None, "".join(f"a{line} = {line}\n" for line in range(3_000)))
FULL = Cells("full", "cached", "rolling", 0, 10)


@pytest.mark.parametrize(
    ("files", "level", "cells"),
    [
        ([DOCS], "low", Cells("none", "cached", "direct")),
        ([COMMENT], "low", Cells("none", "cached", "direct")),
        ([DOCS, COMMENT], "low", Cells("none", "cached", "direct")),
        ([CODE], "low", Cells("affected", "cached", "rolling", 0, 10)),
        ([CODE, DOCS], "low", Cells("affected", "cached", "rolling", 0, 10)),
        ([DEPENDENCIES], "medium", Cells("affected", "full", "rolling", 0, 10)),
        ([LOGIN], "high", Cells("extended", "cached", "canary", 10, 30, requires_approval=True)),
        ([MIGRATION, DEPENDENCIES], "high", Cells("extended", "full", "canary", 10, 30, requires_approval=True)),
        ([SECRET], "critical", Cells("extended", "cached", "canary", 5, 60, requires_approval=True)),
    ],
)
def test_a_change_is_routed_by_its_level(files: list[tuple[str, str, str]], level: str, cells: Cells) -> None:
    found = route(evidence(*files, affected=PROVED))
    assert (found.risk.level, found.cells) == (level, cells)
    assert (found.conclusion, found.doubts, found.would_be) == (Conclusion.SUCCESS, (), None)


_AGENTS = [
    "CLAUDE.md",
    "docs/AGENTS.md",
    "GEMINI.md",
    ".cursorrules",
    ".cursor/rules/a.mdc",
    ".windsurfrules",
    ".clinerules",
    ".aider.conf.yml",
    ".mcp.json",
    ".github/copilot-instructions.md",
    ".github/instructions/a.md",
    ".claude/settings.json",
    ".claude/commands/a.md",
    "tests/AGENTS.md",
    "examples/a/CLAUDE.md",
]
_OWNERS = ["CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS"]
_REGISTRIES = [
    ".npmrc",
    "pip.conf",
    "pip.ini",
    "uv.toml",
    "settings.xml",
    ".yarnrc",
    ".yarnrc.yml",
    ".pypirc",
    "nuget.config",
    ".cargo/config.toml",
    "docs/.cargo/config",
    ".gitmodules",
    "settings.gradle",
]


@pytest.mark.parametrize("path", [*_AGENTS, *_OWNERS, *_REGISTRIES])
@pytest.mark.parametrize("after", ["b: 2\n", None])
def test_what_governs_the_repository_is_never_documentation_or_low(path: str, after: str | None) -> None:
    for files in ([(path, "a: 1\n", after)], [(path, None, "a: 1\n")], [(path, "a: 1\n", after), DOCS]):
        found = route(evidence(*files, affected=PROVED))
        assert found.risk.level.rank >= RiskLevel.MEDIUM.rank
        assert found.cells.tests != "none"
        assert "documentation" not in found.build_why
        assert {area.name for area in found.areas if area.run} - {"docs"}


_LOCKED = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "Pipfile.lock",
    "Cargo.lock",
    "Gemfile.lock",
    "composer.lock",
    "docs/uv.lock",
    "tests/poetry.lock",
]


@pytest.mark.parametrize("path", _LOCKED)
def test_a_lock_file_with_a_new_host_is_never_low(path: str) -> None:
    found = route(
        evidence(
            (path, "a\n", 'a\n"url": "https://x.example/a.zip"\nresolved "https://x.example/a"\n'), affected=PROVED
        )
    )
    assert found.risk.level is (RiskLevel.MEDIUM if path.startswith("tests/") else RiskLevel.HIGH)
    assert found.cells.tests in {"affected", "extended"}


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("tool.py", "#!/usr/bin/python3\na = 1\n", "#!/tmp/python3\na = 1\n"),
        ("tool.sh", "#!/bin/sh\na\n", "#!/tmp/sh\na\n"),
        ("docs/tool.rb", "#!/bin/ruby\na\n", "#!/tmp/ruby\na\n"),
        ("tool.py", "a = 1\n", "# -*- coding: ascii -*-\na = 1\n"),
        ("tool.go", "package a\n", "//go:build linux\npackage a\n"),
        ("hook.pth", "# a\n", "import a\n"),
    ],
)
def test_a_line_that_the_machine_obeys_runs_the_tests(path: str, before: str, after: str) -> None:
    found = route(evidence((path, before, after), affected=PROVED))
    assert found.cells.tests != "none"
    assert not any("comments only" in reason.text for reason in found.risk.reasons)


def test_large_changes_are_no_low_risk() -> None:
    assert route(evidence(LONG)).risk.level in {RiskLevel.HIGH, RiskLevel.CRITICAL}


@pytest.mark.parametrize(
    ("affected", "tests", "why", "select", "would_be"),
    [
        (None, "full", "there is no test map", (), None),
        (PROVED, "affected", "20 of 20", PROVED.select, None),
        (UNPROVED, "full", "not proved yet (3 of 20", (), replace(FULL, tests="affected")),
        (AffectedTests(run_all=("conftest.py changed",), proved=True), "full", "conftest.py changed", (), None),
        (AffectedTests(run_all=("conftest.py changed",)), "full", "conftest.py changed", (), None),
    ],
)
def test_only_the_affected_tests_run_once_the_map_is_proved(
    affected: AffectedTests | None, tests: str, why: str, select: tuple[str, ...], would_be: Cells | None
) -> None:
    found = route(evidence(CODE, affected=affected))
    assert (found.cells.tests, found.select, found.would_be) == (tests, select, would_be)
    assert why in found.tests_why


@pytest.mark.parametrize(
    ("file", "build", "why"),
    [
        ("src/app.py", "cached", "only application code"),
        ("docs/index.md", "cached", "only documentation"),
        ("tests/test_app.py", "cached", "only tests"),
        ("pyproject.toml", "full", "pyproject.toml changed"),
        ("web/package-lock.json", "full", "web/package-lock.json changed"),
        ("Dockerfile", "full", "Dockerfile changed"),
        ("deploy/docker-compose.prod.yml", "full", "deploy/docker-compose.prod.yml changed"),
        ("compose.yaml", "full", "compose.yaml changed"),
        (".dockerignore", "full", ".dockerignore changed"),
        (".github/workflows/build.yml", "full", ".github/workflows/build.yml changed"),
    ],
)
def test_everything_is_built_anew_when_what_builds_it_changed(file: str, build: str, why: str) -> None:
    assert build_for(change_of((file, "a\n", "b\n"))) == (build, why)
    assert build_for(change_of((file, "a\n", None))) == (build, why)


def test_a_file_that_was_renamed_away_from_what_builds_counts_and_many_are_counted() -> None:
    change = change_of(("old.txt", "a\n", "b\n"))
    renamed = replace(change, files=(replace(change.files[0], old_path="requirements.txt"),))
    assert build_for(renamed) == ("full", "requirements.txt changed")
    many = change_of(*((f"{at}/go.mod", "a\n", "b\n") for at in range(5)))
    assert build_for(many) == ("full", "0/go.mod, 1/go.mod and 3 more files changed")


@pytest.mark.parametrize(
    ("config", "cells", "named"),
    [
        ({}, FULL, ()),
        ({"tests": "none"}, replace(FULL, tests="none"), ("tests",)),
        ({"tests": "extended", "build": "full"}, Cells("extended", "full", "rolling", 0, 10), ("tests", "build")),
        ({"tests": "affected"}, FULL, ("tests",)),
        ({"strategy": "canary"}, replace(FULL, strategy="canary", canary_percentage=25), ("strategy",)),
        ({"monitor-minutes": 7}, replace(FULL, monitor_minutes=7), ("monitor_minutes",)),
        (
            {"strategy": "canary", "canary-percentage": 50},
            replace(FULL, strategy="canary", canary_percentage=50),
            ("strategy", "canary_percentage"),
        ),
    ],
)
def test_the_config_sets_each_cell_of_a_level(config: dict[str, Any], cells: Cells, named: tuple[str, ...]) -> None:
    found = route(evidence(CODE), settings(routes={"low": config}))
    assert (found.cells, found.overridden) == (cells, named)
    assert route(evidence(CODE), settings(routes={"high": config})).cells == FULL


def test_a_level_that_is_let_out_at_once_has_no_share_of_the_traffic() -> None:
    known = settings(routes={"critical": {"strategy": "rolling"}, "high": {"strategy": "canary"}})
    assert planned(RiskLevel.CRITICAL, known, is_inert=False)[0].canary_percentage == 0
    assert planned(RiskLevel.HIGH, known, is_inert=False)[0].canary_percentage == 10


@pytest.mark.parametrize(
    ("files", "cells"),
    [
        ([DOCS], Cells("full", "full", "rolling", 0, 10)),
        ([CODE], Cells("full", "full", "rolling", 0, 10)),
        ([LOGIN], Cells("extended", "full", "canary", 10, 30, requires_approval=True)),
        ([SECRET], Cells("extended", "full", "canary", 5, 60, requires_approval=True)),
    ],
)
def test_in_doubt_the_plan_is_the_full_one_whatever_else_is_known(
    files: list[tuple[str, str, str]], cells: Cells
) -> None:
    found = route(evidence(*files, affected=PROVED, doubts=("the history is shallow",)))
    assert (found.cells, found.conclusion) == (cells, Conclusion.NEUTRAL)
    assert (found.select, found.would_be) == ((), None)
    assert found.tests_why == found.build_why == "in doubt: the history is shallow"
    assert all(area.run for area in found.areas)


def test_no_config_makes_less_of_a_full_plan() -> None:
    known = settings(
        routes={"low": {"tests": "none", "build": "cached", "strategy": "direct"}}, areas={"api": ["nothing/"]}
    )
    found = route(evidence(CODE, doubts=("odd",)), known)
    assert found.cells == Cells("full", "full", "direct", 0, 10)
    assert [area.run for area in found.areas] == [True]
    more = settings(routes={"low": {"tests": "extended"}})
    assert route(evidence(CODE, doubts=("odd",)), more).cells.tests == "extended"


@pytest.mark.parametrize("found", [Evidence(Event(EventKind.SCHEDULE)), replace(evidence(CODE), change=None)])
def test_what_is_not_known_is_a_high_risk_with_the_full_plan(found: Evidence) -> None:
    plan = route(found)
    assert plan.risk.level is RiskLevel.HIGH
    assert plan.cells == Cells("extended", "full", "canary", 10, 30, requires_approval=True)
    assert plan.doubts
    assert all(area.run for area in plan.areas)


def test_a_rule_that_the_config_switches_off_does_not_raise_the_level() -> None:
    rule = next(each.id for each in route_rules() if each.severity.rank == RiskLevel.CRITICAL.rank)
    assert route(evidence(SECRET), settings(rules={rule: "off"})).risk.level is not RiskLevel.CRITICAL


def route_rules() -> list[Any]:
    from cicd_agent.modes.route.mode import MODE as ROUTE  # noqa: PLC0415

    return list(ROUTE.rules(evidence(SECRET), settings()).findings)


FILES = st.lists(st.sampled_from([CODE, DOCS, DEPENDENCIES, LOGIN, MIGRATION, SECRET]), min_size=1, unique=True)
WEIGHT = {"none": 0, "affected": 1, "full": 2, "extended": 3}


@given(FILES, st.sampled_from([None, PROVED, UNPROVED]))
def test_a_doubt_never_makes_a_plan_smaller(files: list[tuple[str, str, str]], affected: AffectedTests | None) -> None:
    sure, unsure = (route(evidence(*files, affected=affected, doubts=doubts)) for doubts in ((), ("odd",)))
    assert WEIGHT[unsure.cells.tests] >= max(WEIGHT[sure.cells.tests], WEIGHT["full"])
    assert unsure.cells.build == "full"
    assert unsure.risk == sure.risk
    assert {area.name for area in sure.areas if area.run} <= {area.name for area in unsure.areas if area.run}
