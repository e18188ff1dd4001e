"""What logs call files, and the files of the repository that are meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.logs.extract import Extract, ExtractLine, Frame
from cicd_agent.modes.analyse_failure.attribution.path_match import Tree, find_locations
from cicd_agent.modes.analyse_failure.evidence import LogLocation
from tests.modes.analyse_failure.builders import extract, problem

PATHS = (
    "src/pkg/client.py", "src/pkg/__init__.py", "tests/test_client.py", "setup.py", "a/util.go", "b/util.go",
    "web/src/App.test.tsx", "core/src/main/java/com/acme/Bar.java", "lib/src/main/java/org/other/Bar.java",
    "api/src/main/java/com/acme/Only.java", "pkg/store/store.go", "vendor/lib/x.py", "win/Program.cs",
    "services/a/app/main.py", "services/b/app/main.py",
)  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("src/pkg/client.py", "src/pkg/client.py"),
        ("./src/pkg/client.py", "src/pkg/client.py"),
        ("/home/runner/work/repo/repo/src/pkg/client.py", "src/pkg/client.py"),
        ("/__w/repo/repo/tests/test_client.py", "tests/test_client.py"),
        ("/github/workspace/setup.py", "setup.py"),
        ("D:\\a\\repo\\repo\\src\\pkg\\client.py", "src/pkg/client.py"),
        ("/app/src/pkg/client.py", "src/pkg/client.py"),
        ("/usr/src/app/src/pkg/client.py", "src/pkg/client.py"),
        ("src/App.test.tsx", "web/src/App.test.tsx"),
        ("file:///app/web/src/App.test.tsx", "web/src/App.test.tsx"),
        ("com/acme/Bar.java", "core/src/main/java/com/acme/Bar.java"),
        ("Only.java", "api/src/main/java/com/acme/Only.java"),
        ("github.com/acme/repo/pkg/store/store.go", "pkg/store/store.go"),
        ("win\\Program.cs", "win/Program.cs"),
        # Ambiguous, foreign, or of somebody else.
        ("Bar.java", ""),
        ("util.go", ""),
        ("app/main.py", ""),
        ("/opt/other/setup.py", ""),
        ("/srv/other/App.test.tsx", ""),
        ("/opt/hostedtoolcache/Python/3.12/lib/python3.12/unittest/case.py", ""),
        ("/home/runner/work/repo/repo/node_modules/x/src/pkg/client.py", ""),
        ("/venv/lib/python3.12/site-packages/pkg/client.py", ""),
        ("vendor/lib/x.py", ""),
        ("node:internal/process/task_queues", ""),
        ("<frozen importlib._bootstrap>", ""),
        ("https://example.com/src/pkg/client.py", ""),
        ("../../../etc/passwd", ""),
        ("", ""),
        ("x" * 5_000, ""),
    ],
)
def test_a_name_in_a_log_is_one_file_or_none(raw: str, path: str) -> None:
    assert Tree(PATHS).find(raw) == path


@pytest.mark.parametrize(
    ("test", "path"),
    [
        ("tests/test_client.py::TestClient::test_retry[3-a.b]", "tests/test_client.py"),
        ("test_retry (tests.test_client.ClientTest)", "tests/test_client.py"),
        ("tests.test_client.ClientTest.test_retry", "tests/test_client.py"),
        ("com.acme.Bar.fails", "core/src/main/java/com/acme/Bar.java"),
        ("test_retry", ""),
        ("", ""),
    ],
)
def test_a_test_is_found_by_the_name_its_runner_gives_it(test: str, path: str) -> None:
    assert Tree(PATHS).test(test) == path


def test_the_folder_that_the_job_works_in_settles_what_is_ambiguous() -> None:
    assert Tree(PATHS, roots=["services/b"]).find("app/main.py") == ""
    assert Tree(PATHS, roots=["/srv/x"]).find("/srv/x/setup.py") == "setup.py"


def test_the_innermost_frame_of_python_is_the_last_and_of_others_the_first() -> None:
    python = problem(frames=(Frame("tests/test_client.py", 57), Frame("src/pkg/client.py", 41)), test="")
    found = find_locations(extract(python), PATHS)
    assert [(place.path, place.depth, place.is_test) for place in found] == [
        ("src/pkg/client.py", 0, False),
        ("tests/test_client.py", 1, True),
    ]
    java = problem(frames=(Frame("com/acme/Bar.java", 3), Frame("Only.java", 9)), test="")
    assert [place.path for place in find_locations(extract(java), PATHS)] == [PATHS[7], PATHS[9]]


def test_a_place_says_which_line_of_the_log_names_it() -> None:
    named = problem(frames=(Frame("src/pkg/client.py", 41),), test="")
    kept = (ExtractLine(39, 'File "src/pkg/client.py", line 41, in retry', 0.9), ExtractLine(40, "E  assert", 1.0))
    assert find_locations(Extract(kept, (), (named,), 60), PATHS) == (LogLocation("src/pkg/client.py", 41, 39),)


def test_a_frame_on_the_jvm_is_told_by_the_package_before_it() -> None:
    thrown = problem(frames=(Frame("Bar.java", 12),), test="", first=39, last=41)
    kept = (ExtractLine(40, "    at com.acme.Bar.run(Bar.java:12)", 0.9),)
    assert [place.path for place in find_locations(Extract(kept, (), (thrown,), 60), PATHS)] == [PATHS[7]]


def test_pytest_says_where_its_root_is() -> None:
    fails = problem(frames=(Frame("/srv/job/checkout/setup.py", 2),), test="")
    kept = (ExtractLine(3, "rootdir: /srv/job/checkout, configfile: pyproject.toml", 0.1),)
    assert [place.path for place in find_locations(Extract(kept, (), (fails,), 60), PATHS)] == ["setup.py"]


FRAMES = st.builds(Frame, st.text(max_size=40) | st.sampled_from(PATHS), st.integers(-5, 10**9))


@given(
    st.lists(FRAMES, max_size=8),
    st.lists(st.text(max_size=30), max_size=8),
    st.text(max_size=60),
    st.integers(-9, 10**12),
)
def test_any_log_and_any_paths_give_places_within_the_repository(
    frames: list[Frame], paths: list[str], test: str, last: int
) -> None:
    wild = problem(frames=tuple(frames), test=test)
    found = find_locations(Extract((), (), (wild, problem(first=0, last=last)), 10), (*PATHS, *paths))
    assert {place.path for place in found} <= {*PATHS, *paths}
    assert all(place.line >= 0 and place.depth >= 0 for place in found)
