"""What a token says about itself. Nothing of it is verified here: it can only make a wait longer or a cache shorter."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

_JWT_DOTS = 2


def claims_of(token: bytes) -> dict[str, Any]:
    """The claims of a JWT; empty for anything else."""
    parts = token.split(b".")
    if len(parts) != _JWT_DOTS + 1:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def account_name(claims: dict[str, Any]) -> str:
    """The name, without its namespace, of the account that the token says it is of; empty if it says none."""
    subject = claims.get("sub")
    return subject.rpartition(":")[2] if isinstance(subject, str) else ""


def seconds_left(claims: dict[str, Any]) -> float:
    """Until the token expires; 0 where it does not say."""
    try:
        return max(0.0, float(claims["exp"]) - time.time())
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0.0
