"""How a lane's values are replaced: the part ``rotation`` of the lane file."""

from typing import Literal

import msgspec

from warden.core.lanes.readers import Seconds

OnNewValue = Literal["reload", "restart", "none"]


class RefusalWindow(msgspec.Struct, frozen=True, kw_only=True):
    """How often the old value has to be refused, and over which time: providers accept ended keys for a while.

    Each of the ``times`` is beside a call that the new value passes. ``over`` is the time between the first and the
    last of them.
    """

    times: int = 3
    over: Seconds = Seconds(60)


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """How old a value may get, and where a new one comes from. A list of these where several fields are rotated.

    ``source`` is a plug-in: ``random``, ``prompt``, ``manual``, or one for a provider; ``settings`` are its own.
    ``field`` is needed where the lane has several. ``management`` is the lane that holds the key with which the
    provider makes and ends keys; a lane with several fields is written LANE.FIELD.
    """

    every: Seconds
    source: str
    field: str | None = None
    management: str | None = None
    refused: RefusalWindow = RefusalWindow()
    settings: dict[str, str] = {}
