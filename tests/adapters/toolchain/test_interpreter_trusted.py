from pathlib import Path

import pytest

from cicd_agent.adapters.toolchain.location import surroundings, trusted


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "work" / "checkout"
    (top / ".venv/bin").mkdir(parents=True)
    (top / ".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    (tmp_path / "somebody/secrets").mkdir(parents=True)
    return top


def environment(top: Path) -> dict[str, str]:
    return {"PATH": f"{top / '.venv/bin'}:/usr/bin", "VIRTUAL_ENV": str(top / ".venv"), "HOME": "/nonexistent"}


def test_an_environment_of_the_tree_that_leads_elsewhere_opens_nothing_there(tree: Path) -> None:
    secrets = tree.parent.parent / "somebody/secrets"
    (tree / ".venv/bin/python").symlink_to(secrets / "python")
    forged, _ = surroundings(environment(tree))
    assert secrets in forged, "nobody would have to look"
    readable, variables = surroundings(trusted(tree, environment(tree)))
    assert not any(path.is_relative_to(secrets) or secrets.is_relative_to(path) for path in readable)
    assert ".venv" not in variables["PATH"]
    assert "VIRTUAL_ENV" not in variables


def test_an_environment_of_an_installed_python_and_other_programs_stay(tree: Path) -> None:
    (tree / "node_modules/.bin").mkdir(parents=True)
    installed = next(path for path in Path("/usr/bin").glob("python3*") if path.name[6:].replace(".", "").isdigit())
    (tree / ".venv/bin/python").symlink_to(installed)
    given = environment(tree) | {"PATH": f"{tree / '.venv/bin'}:{tree / 'node_modules/.bin'}:/usr/bin"}
    assert trusted(tree, given) == given
