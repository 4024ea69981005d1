"""Several lanes at once: a pool of threads that a slow server cannot hold."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


def at_once(
    work: Callable[[tuple[int, _Item]], _Done], items: Sequence[tuple[int, _Item]], workers: int
) -> list[_Done]:
    """Work through the numbered items with several threads; answers in their order, or raises the first fault.

    The threads are daemons, so that Ctrl-C need not wait for a slow server.
    """
    if len(items) <= 1 or workers <= 1:
        return [work(item) for item in items]
    queue: SimpleQueue[tuple[int, _Item]] = SimpleQueue()
    for item in items:
        queue.put(item)
    done: dict[int, _Done] = {}
    faults: list[BaseException] = []

    def run() -> None:
        while not faults:
            try:
                item = queue.get_nowait()
            except Empty:
                return
            try:
                done[item[0]] = work(item)
            except BaseException as fault:  # noqa: BLE001 - raised again in the caller's thread
                faults.append(fault)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(workers, len(items)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return [done[number] for number, _ in items]
