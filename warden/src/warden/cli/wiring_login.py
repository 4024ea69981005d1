"""What builds adapters for people who log in; see `wiring`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warden.adapters.openbao.bao_login import BaoLogin


def person_logins() -> BaoLogin:
    """What logs people in with a browser. Raises `NotFound` where the program ``bao`` is missing."""
    from warden.adapters.dev.server import binary
    from warden.adapters.openbao import endpoint as address
    from warden.adapters.openbao.bao_login import BaoLogin

    where = address.endpoint(os.environ)  # raises where it is not named, or not as warden asks it
    return BaoLogin(binary(), os.environ, proxied=where.proxy is not None)
