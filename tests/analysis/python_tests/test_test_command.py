"""What is read out of a test command: pytest's arguments that are the project's, and nothing that a shell would do."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.python_tests.test_command import TestCommand, read_test_command
from cicd_agent.errors import ConfigError

SOME = """python pytest -m run uv coverage A=b -n auto --cov -k 'a_or_b' -p tests -o addopts=-q -- -x " &&
    --tb=short -W env = -qx --cov=src $HOME \\"""
WORDS = st.sampled_from(SOME.split())


@pytest.mark.parametrize(
    ("text", "arguments", "path_entry"),
    [
        ("python -m pytest", [], True),
        ("pytest tests/unit", ["tests/unit"], False),
        ("py.test -k 'a or b' -m 'not slow'", ["-k", "a or b", "-m", "not slow"], False),
        ("python3 -I -m pytest", [], False),
        ("python -W error -m pytest -W ignore::X", ["-W", "error", "-W", "ignore::X"], True),
        ("python -mpytest --strict-markers", ["--strict-markers"], True),
        ("uv run pytest tests", ["tests"], False),
        ("uv run --group dev --python 3.12 -m pytest", [], True),
        ("poetry run python -m pytest tests", ["tests"], True),
        ("hatch -e test run pytest", [], False),
        ("pdm run -v pytest", [], False),
        ("coverage run --source src -m pytest tests", ["tests"], True),
        ("python -m coverage run --branch -m pytest tests", ["tests"], True),
        ("uv run coverage run -m pytest", [], True),
        ("\n  pytest tests \n", ["tests"], False),
    ],
)
def test_a_pytest_command_gives_its_arguments(text: str, arguments: list[str], path_entry: bool) -> None:  # noqa: FBT001
    command = read_test_command(text)
    assert ([*command.arguments], command.path_entry) == (arguments, path_entry)


@pytest.mark.parametrize(
    "ours",
    """
    -n auto; -n4; -n=2; --dist loadscope; --dist=load; --cov; --cov src; --cov=src; --cov --cov-branch; --no-cov
    --cov-report xml; --cov-report=term-missing:skip-covered; --cov-fail-under 80; --junitxml=out.xml; -q; -qq; -vvv
    --junit-xml out.xml; -x; -xvs; --maxfail 1; --maxfail=1; --lf; --ff; --tb=short; --tb short; -p xdist; -rA; -r fE
    -p no:randomly; -pno:cacheprovider; --durations=10; --color yes; -o addopts=-q
    """.strip()
    .replace("\n", ";")
    .split(";"),
)
def test_what_our_own_runner_decides_is_taken_out(ours: str) -> None:
    command = read_test_command(f"pytest {ours} --import-mode=importlib tests")
    kept = [word for word in command.arguments if word not in {"-o", "addopts="}]
    assert kept == ["--import-mode=importlib", "tests"]


def test_an_option_is_never_taken_for_the_value_of_another() -> None:
    command = read_test_command("pytest -k -x -m -q -c -n -p myplugin -pother -o x=1 -- -x -q")
    assert [*command.arguments] == [
        "-k", "-x", "-m", "-q", "-c", "-n", "-p", "myplugin", "-pother", "-o", "x=1", "--", "-x", "-q",
    ]  # fmt: skip


def test_options_that_the_command_adds_to_all_runs_are_looked_through_as_well() -> None:
    command = read_test_command("pytest -o 'addopts=-n 4 --strict-markers'")
    assert [*command.arguments] == ["-o", "addopts=--strict-markers"]


def test_the_interpreter_that_is_named_counts_and_just_any_does_not() -> None:
    assert read_test_command("./env/bin/python -m pytest").python == "./env/bin/python"
    assert read_test_command("python3.12 -m pytest").python == "python3.12"
    assert read_test_command("env/bin/pytest").python == "env/bin/python"
    assert read_test_command("python3 -m pytest").python == ""
    assert read_test_command("poetry run pytest").runner == "poetry"


def test_variables_come_first_and_are_kept_apart() -> None:
    command = read_test_command("env DJANGO_SETTINGS_MODULE=site.test PYTHONPATH='a b' pytest -m 'not slow' -q")
    assert command.environment == {"DJANGO_SETTINGS_MODULE": "site.test", "PYTHONPATH": "a b"}
    assert command.words == "DJANGO_SETTINGS_MODULE=site.test PYTHONPATH='a b' pytest -m 'not slow'"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no program"),
        ("tox", "runs `tox`"),
        ("python -m unittest", "not `python -m pytest`"),
        ("python -c 'import pytest'", "not `python -m pytest`"),
        ("cd src && pytest", "holds `&`"),
        ("pytest | tee log", "holds `|`"),
        ("pytest `ls`", "a backtick"),
        ("pytest $(ls)", "holds `$(`"),
        ('pytest -k "$NAME"', "holds `$N`"),
        ("pytest tests/*.py", "holds `*`"),
        ("pytest\npytest", "several lines"),
        ("pytest 'a", "not closed"),
        ("uv pip install x", "not followed by `run`"),
        ("coverage report", "not followed by `run`"),
        ("coverage run setup.py", "not `coverage run -m pytest`"),
        ("pytest \0", "NUL"),
        ("pytest " + "x" * 5_000, "more than"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match="must be a pytest command") as raised:
        read_test_command(text)
    assert why in raised.value.why


@pytest.mark.parametrize(
    "name", ["PATH", "LD_PRELOAD", "PYTHONSTARTUP", "PYTHONHOME", "COVERAGE_FILE", "PYTEST_ADDOPTS"]
)
def test_a_variable_that_decides_how_tests_run_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot set `{name}`"):
        read_test_command(f"{name}=x pytest")


@given(st.lists(WORDS | st.text(max_size=8), max_size=12).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        command = read_test_command(text)
    except ConfigError:
        return
    assert isinstance(command, TestCommand)
    assert shlex.split(command.words)[-len(command.arguments) :] == [*command.arguments] or not command.arguments


@given(st.lists(WORDS, max_size=8).map(" ".join))
def test_the_command_that_is_shown_reads_as_itself(text: str) -> None:
    try:
        command = read_test_command(f"pytest {text}")
    except ConfigError:
        return
    again = read_test_command(command.words)
    assert (again.arguments, again.environment) == (command.arguments, command.environment)
