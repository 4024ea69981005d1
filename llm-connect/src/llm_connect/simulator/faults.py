"""How the simulator lies: failures that a test chooses beforehand, for requests whose client it does not write.

`PUT /simulator/faults`, with the management key, replaces what was chosen:

    {"still_accepted_seconds": 2, "not_yet_accepted_seconds": 0,
     "faults": [{"on": "create-key", "how": "silent", "done": true, "times": 1}]}

`on` is an operation or `*`, `how` one of the failures of a completion that are whole answers, `done` whether what was
asked for happens before it is answered falsely, `times` how often, `seconds` for how long from now instead.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_connect.simulator.failures import FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp import web

OPERATIONS = (
    "complete",
    "show-own-key",
    "list-keys",
    "create-key",
    "show-key",
    "change-key",
    "delete-key",
    "list-assignments",
    "assign-keys",
)
ANY = "*"
HOWS = tuple(name for name, failure in FAILURES.items() if failure.change is None or name == "error-in-200")
_FIELDS: Mapping[str, tuple[type, ...]] = {
    "on": (str,),
    "how": (str,),
    "done": (bool,),
    "times": (int,),
    "seconds": (int, float),
}


class NotAFault(ValueError):
    """What was chosen cannot be simulated; `str()` says why."""


@dataclass
class Fault:
    """One chosen failure; `times` counts down, `until` (of `time.monotonic`) ends it whatever is left."""

    on: str
    how: str
    done: bool = False
    times: float = 1
    until: float | None = None


class Faults:
    """The failures that are still to happen, in their order.

    Args:
        clock: seconds, as of `time.monotonic`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._chosen: list[Fault] = []

    def choose(self, chosen: Sequence[Any]) -> None:
        """Replace what was chosen; each as in the module's example.

        Raises:
            NotAFault: one of them cannot be simulated; nothing is changed.
        """
        self._chosen = [self._read(each) for each in chosen]

    def next(self, operation: str) -> Fault | None:
        """What happens to this request instead, which counts as one of its times."""
        for fault in self._chosen:
            over = fault.until is not None and self._clock() >= fault.until
            if not over and fault.times > 0 and fault.on in (operation, ANY):
                fault.times -= 1
                return fault
        return None

    def _read(self, given: Any) -> Fault:
        if not isinstance(given, dict) or not set(given) <= set(_FIELDS):
            raise NotAFault(f"a fault has the fields {', '.join(_FIELDS)}")
        for name, value in given.items():
            if not isinstance(value, _FIELDS[name]):
                raise NotAFault(f"{name}: not of the right type")
        if given.get("on") not in (*OPERATIONS, ANY):
            raise NotAFault(f"on: choose one of {', '.join(OPERATIONS)}, or *")
        if given.get("how") not in HOWS:
            raise NotAFault(f"how: choose one of {', '.join(HOWS)}")
        seconds = given.get("seconds")
        until = None if seconds is None else self._clock() + seconds
        times = given.get("times", 1 if seconds is None else float("inf"))
        return Fault(given["on"], given["how"], given.get("done", False), times, until)


async def respond(fault: Fault, request: web.Request) -> web.StreamResponse:
    """The false answer."""
    return await FAILURES[fault.how].respond(request, {})
