import itertools
import os
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pytest_worker.bed import Bed, check


@pytest.fixture
def bed(tmp_path: Path) -> Callable[[str], Bed]:
    numbers = itertools.count()
    return lambda text: Bed(tmp_path, f"mutated_{tmp_path.name}_{next(numbers)}", text)


def test_without_a_test_a_mutant_is_not_run(bed: Callable[[str], Bed]) -> None:
    one = bed("def one():\n    return 1\n")
    assert one.tried(one.mutant("1", "2"))[0]["detail"] == "no test executes it"


def test_a_test_that_hangs_only_with_the_mutant_kills_it(bed: Callable[[str], Bed]) -> None:
    one = bed("def count(n):\n    while n > 0:\n        n -= 1\n    return n\n")
    assert one.fate("-=", "+=", lambda: one.module.count(3), seconds=1.0) == ("killed", "timeout")


def test_a_fork_that_may_not_be_signalled_ends_itself(
    bed: Callable[[str], Bed], monkeypatch: pytest.MonkeyPatch
) -> None:
    forks: list[int] = []

    def refused(fork: int, _: int) -> None:
        forks.append(fork)
        raise PermissionError

    # As pytest does when a test fails.
    disarmed = "import faulthandler\n\ndef count(n):\n    faulthandler.cancel_dump_traceback_later()\n"
    one = bed(f"{disarmed}    while n > 0:\n        n -= 1\n    return n\n")
    monkeypatch.setattr(os, "killpg", refused)
    monkeypatch.setattr(os, "kill", refused)
    assert one.fate("-=", "+=", lambda: one.module.count(3), seconds=1.0) == ("killed", "timeout")
    assert len(set(forks)) == 2
    for fork in set(forks):
        with pytest.raises(ChildProcessError):
            os.waitpid(fork, os.WNOHANG)


def test_a_signal_that_ends_the_process_only_with_the_mutant_kills_it(bed: Callable[[str], Bed]) -> None:
    one = bed("import os\n\ndef die():\n    return os.kill(os.getpid(), 0)\n")
    assert one.fate(", 0)", ", 11)", one.module.die) == ("killed", "crash")


def test_an_exit_kills_nothing(bed: Callable[[str], Bed]) -> None:
    one = bed("import os\n\ndef leave(now):\n    if now is True:\n        os._exit(0)\n")
    assert one.fate("is True", "is not True", lambda: one.module.leave(0)) == (
        "not_run",
        "its process ended (exit 0) before its tests did",
    )


def test_what_escapes_from_the_tests_kills_nothing(bed: Callable[[str], Bed]) -> None:
    one = bed("def leave(now):\n    if now is True:\n        raise SystemExit(0)\n")
    assert one.fate("is True", "is not True", lambda: one.module.leave(0)) == (
        "not_run",
        "its process ended (exit 70) before its tests did",
    )


def test_a_report_that_the_code_under_test_writes_is_not_believed(bed: Callable[[str], Bed]) -> None:
    """It writes to each descriptor that was not there when it was loaded."""
    one = bed("""
        import contextlib, os

        def there():
            for descriptor in range(64):
                with contextlib.suppress(OSError):
                    os.fstat(descriptor)
                    yield descriptor

        BEFORE = {*there()}

        def forge(now):
            if now:
                for descriptor in {*there()} - BEFORE:
                    with contextlib.suppress(OSError):
                        os.write(descriptor, b'[0, "AssertionError"]\\n')
        """)
    assert one.fate("if now:", "if not now:", lambda: one.module.forge(0)) == (
        "not_run",
        "its process said what cannot be read",
    )


def test_a_test_that_does_not_pass_twice_kills_nothing(bed: Callable[[str], Bed]) -> None:
    one = bed("SEEN = []\n\ndef once():\n    SEEN.append(1)\n    return len(SEEN) == 1\n\ndef two():\n    return 2\n")
    check(one.module.once())
    one.checks = {"once": lambda: check(one.module.once()), "two": one.module.two}
    outcome = one.tried(one.mutant("== 1", "== 5"))[0]
    assert (outcome["fate"], outcome["by"]) == ("survived", "")
    one.checks = {"once": lambda: check(one.module.once())}
    outcome = one.tried(one.mutant("== 1", "== 5"))[0]
    assert outcome["detail"] == "the tests that execute it do not pass when they run a second time"
    one.checks |= {"two": lambda: check(one.module.two() == 2)}
    assert one.tried(one.mutant("2", "3"))[0]["by"] == "two"


def test_chance_is_the_same_in_each_fork(bed: Callable[[str], Bed]) -> None:
    one = bed("import random\n\ndef roll(a):\n    return a, random.random()\n")
    state = random.getstate()
    expected = random.random()
    random.setstate(state)
    assert one.fate("a,", "-a,", lambda: check(one.module.roll(0)[1] == expected)) == ("survived", "")


def test_threads_do_not_stand_in_the_way(bed: Callable[[str], Bed]) -> None:
    one = bed("def one():\n    return 1\n")
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert one.fate("1", "2", lambda: check(one.module.one() == 1)) == ("killed", "AssertionError")
    finally:
        stop.set()
        thread.join()


def test_what_a_fork_starts_is_ended_with_it(bed: Callable[[str], Bed], tmp_path: Path) -> None:
    """The process that is left holds the pipe, and would write the file when the test is long over."""
    one = bed(f"""
        import os, time

        def leave(now):
            if os.fork() == 0:
                time.sleep(1.0)
                open({str(tmp_path / "late")!r}, "w").close()
                os._exit(0)
            return 1
        """)
    assert one.fate("return 1", "return 2", lambda: one.module.leave(1)) == ("survived", "")
    threading.Event().wait(1.3)
    assert not (tmp_path / "late").exists()


def test_a_byte_order_mark_and_other_line_ends_are_read_as_they_are(bed: Callable[[str], Bed]) -> None:
    one = bed("\ufeffdef one():\r\n    # ä𝒳\r\n    return 1\r\n")
    assert one.fate("1", "2", lambda: check(one.module.one() == 1)) == ("killed", "AssertionError")


def test_measuring_is_off_in_a_fork_and_on_after_it(bed: Callable[[str], Bed]) -> None:
    one = bed("def one():\n    return 1\n")
    before = sys.gettrace()
    assert one.fate("1", "2", lambda: check(sys.gettrace() is None and one.module.one() == 1)) == (
        "killed",
        "AssertionError",
    )
    assert sys.gettrace() is before
