"""Runs tasks side by side that wait for something else, in threads that never keep the process alive."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def run_parallel(tasks: Sequence[Callable[[], T]], width: int) -> list[T]:
    """What the tasks return, in their order, at most `width` of them at a time; with 1 in this thread.

    What one raises is raised here. Whoever waits can be interrupted by a signal: then no further task begins, and the
    threads end with the process.
    """
    if width <= 1 or len(tasks) <= 1:
        return [task() for task in tasks]
    results: list[Future[T]] = [Future() for _ in tasks]
    waiting = iter(list(zip(tasks, results, strict=True)))
    turn = threading.Lock()

    def work() -> None:
        while True:
            with turn:
                task, result = next(waiting, (None, None))
            if task is None or result is None or not result.set_running_or_notify_cancel():
                return
            _settle(task, result)

    for _ in range(min(width, len(tasks))):
        threading.Thread(target=work, daemon=True).start()
    try:
        return [result.result() for result in results]
    finally:
        for result in results:
            result.cancel()


def begin(task: Callable[[], T]) -> Future[T]:
    """What a task will have come to, run in a thread of its own: for whoever does not wait longer than a while."""
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()
    threading.Thread(target=_settle, args=(task, result), daemon=True).start()
    return result


def _settle(task: Callable[[], T], result: Future[T]) -> None:
    try:
        result.set_result(task())
    except BaseException as error:  # noqa: BLE001  carried over to the thread that waits for it
        result.set_exception(error)
