"""Several lanes at once: a pool of threads that a slow server cannot hold."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


def at_once(work: Callable[[int, _Item], _Done], items: Sequence[_Item], workers: int) -> list[_Done]:
    """Work through the items, numbered, with several threads; answers in their order, or raises the first fault.

    The threads are daemons, so that Ctrl-C need not wait for a slow server.
    """
    if len(items) <= 1 or workers <= 1:
        return [work(number, item) for number, item in enumerate(items)]
    queue: SimpleQueue[tuple[int, _Item]] = SimpleQueue()
    for numbered in enumerate(items):
        queue.put(numbered)
    done: dict[int, _Done] = {}
    faults: list[BaseException] = []

    def run() -> None:
        while not faults:
            try:
                number, item = queue.get_nowait()
            except Empty:
                return
            try:
                done[number] = work(number, item)
            except BaseException as fault:  # noqa: BLE001 - raised again in the caller's thread
                faults.append(fault)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(workers, len(items)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return [done[number] for number in range(len(items))]
