from dataclasses import replace

import pytest

from cicd_agent.analysis.rules.context import ChangeContext
from cicd_agent.analysis.rules.run import areas, findings, ruled
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.repository.paths import OWN_CONFIG, PathKind
from cicd_agent.domain.verdict import RiskLevel
from tests.support.samples.changes import change_of


@pytest.mark.parametrize(
    ("path", "kind", "floor"),
    [
        ("auth/session.py", PathKind.AUTH, RiskLevel.HIGH),
        ("shop/migrations/0042_add.py", PathKind.MIGRATION, RiskLevel.HIGH),
        ("openapi.yaml", PathKind.API_CONTRACT, RiskLevel.HIGH),
        ("infra/main.tf", PathKind.INFRASTRUCTURE, RiskLevel.HIGH),
        (".github/cicd-agent.yml", PathKind.OWN_CONFIG, RiskLevel.HIGH),
        (".github/workflows/ci.yml", PathKind.WORKFLOW, RiskLevel.MEDIUM),
        ("Dockerfile", PathKind.DOCKERFILE, RiskLevel.MEDIUM),
        ("pyproject.toml", PathKind.DEPENDENCY_MANIFEST, RiskLevel.MEDIUM),
        (".npmrc", PathKind.DEPENDENCY_MANIFEST, RiskLevel.MEDIUM),
        (".gitmodules", PathKind.DEPENDENCY_MANIFEST, RiskLevel.MEDIUM),
        ("CODEOWNERS", PathKind.CODE_OWNERS, RiskLevel.MEDIUM),
        (".github/CODEOWNERS", PathKind.CODE_OWNERS, RiskLevel.MEDIUM),
        ("docs/CODEOWNERS", PathKind.CODE_OWNERS, RiskLevel.MEDIUM),
        ("CLAUDE.md", PathKind.AGENT_INSTRUCTIONS, RiskLevel.MEDIUM),
        ("tests/AGENTS.md", PathKind.AGENT_INSTRUCTIONS, RiskLevel.MEDIUM),
        ("examples/.claude/settings.json", PathKind.AGENT_INSTRUCTIONS, RiskLevel.MEDIUM),
    ],
)
def test_touching_a_risky_part_is_an_area_with_a_floor(path: str, kind: PathKind, floor: RiskLevel) -> None:
    change = change_of((path, "a: 1\n", "a: 2\n"))
    assert [(area.kind, area.floor, area.paths) for area in areas(ChangeContext(change))] == [(kind, floor, (path,))]


@pytest.mark.parametrize("path", ["auth/session.py", "shop/migrations/0042_add.py", "infra/main.tf", "pyproject.toml"])
def test_touching_a_risky_part_is_no_finding(path: str) -> None:
    assert findings(change_of((path, "a = 1\n", "a = 2\n"))) == ()


@pytest.mark.parametrize("path", ["tests/auth/test_login.py", "docs/auth.md", "examples/login.py", "src/author.py"])
def test_what_is_not_the_product_is_no_area(path: str) -> None:
    assert areas(ChangeContext(change_of((path, "a = 1\n", "a = 2\n")))) == ()


def test_what_is_moved_away_was_touched() -> None:
    change = change_of(("old/owners.txt", "* @org/all\n", "* @org/all\n"))
    (file,) = change.files
    moved = replace(file, old_path=".github/CODEOWNERS", kind=ChangeKind.RENAMED)
    assert [area.kind for area in areas(ChangeContext(replace(change, files=(moved,))))] == [PathKind.CODE_OWNERS]
    copied = replace(moved, kind=ChangeKind.COPIED)
    assert areas(ChangeContext(replace(change, files=(copied,)))) == ()


def test_a_new_comment_touches_nothing() -> None:
    assert areas(ChangeContext(change_of(("auth/session.py", "a = 1\n", "# why\na = 1\n")))) == ()


def test_a_lock_file_alone_is_a_note() -> None:
    change = change_of(("uv.lock", "a\n", "b\n"), paths=("pyproject.toml",))
    assert [(area.kind, area.floor) for area in areas(ChangeContext(change))] == [(PathKind.LOCK_FILE, RiskLevel.LOW)]


def test_a_lock_file_with_its_manifest_is_none() -> None:
    change = change_of(("uv.lock", "a\n", "b\n"), ("pyproject.toml", "a = 1\n", "a = 2\n"))
    assert [area.kind for area in areas(ChangeContext(change))] == [PathKind.DEPENDENCY_MANIFEST]


@pytest.mark.parametrize(("rule", "kinds"), [("debugger-call", []), ("no-such-rule", [PathKind.OWN_CONFIG])])
def test_our_configuration_in_another_layout_is_no_area_though_it_names_rules(rule: str, kinds: list[PathKind]) -> None:
    change = change_of((OWN_CONFIG, f"rules:\n  {rule}: off\n", f"rules: {{{rule}: off}}\n"))
    assert [area.kind for area in ruled(change).areas] == kinds
