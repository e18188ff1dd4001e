import threading

import pytest

from cicd_agent.domain.parallel import run_parallel


def test_results_come_in_the_order_of_the_tasks_whatever_order_they_end_in() -> None:
    last = threading.Event()

    def first() -> str:
        assert last.wait(10)
        return "first"

    def second() -> str:
        last.set()
        return "second"

    assert run_parallel([first, second], 2) == ["first", "second"]


def test_no_more_than_the_width_are_under_way() -> None:
    lock = threading.Lock()
    under_way: set[int] = set()
    seen: list[int] = []
    together = threading.Barrier(2)

    def task(number: int) -> int:
        with lock:
            under_way.add(number)
            seen.append(len(under_way))
        together.wait(10)
        with lock:
            under_way.discard(number)
        return number

    assert run_parallel([lambda n=n: task(n) for n in range(6)], 2) == [*range(6)]  # type: ignore[misc]
    assert max(seen) == 2


def test_with_a_width_of_one_everything_happens_in_this_thread() -> None:
    assert run_parallel([threading.get_ident] * 3, 1) == [threading.get_ident()] * 3
    assert run_parallel([], 4) == []


def test_what_a_task_raises_is_raised_and_no_other_begins() -> None:
    begun: list[int] = []
    go = threading.Event()

    def fails() -> int:
        raise KeyError("nobody thought of it")

    def waits() -> int:
        begun.append(1)
        go.wait(10)
        return 1

    with pytest.raises(KeyError, match="nobody thought of it"):
        run_parallel([fails, waits, waits, waits], 2)
    go.set()
    assert len(begun) <= 2


def test_no_thread_keeps_the_process_alive() -> None:
    daemons = run_parallel([lambda: threading.current_thread().daemon] * 2, 2)
    assert daemons == [True, True]
