"""A limit for a whole answer, with the name's resolution and a head that drips: httpx2 limits single waits only."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, act: Callable[[], T]) -> T:
    """What `act` answers, or its error. Raises `TimeoutError` where it takes longer: its thread is left behind then."""
    found: queue.SimpleQueue[tuple[T] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            found.put((act(),))
        except Exception as fault:  # noqa: BLE001 - it is raised below
            found.put(fault)

    threading.Thread(target=run, daemon=True).start()
    try:
        answer = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer[0]
