"""The time."""

import datetime as dt
from collections.abc import Callable

Clock = Callable[[], dt.datetime]
"""Now, in UTC."""
