"""A Secret of a cluster, as it was observed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from warden.core.secret import Secret


class SecretObservation(msgspec.Struct, frozen=True, kw_only=True):
    """A Secret as the cluster has it: metadata, and values that nobody sees.

    ``exposed_in`` names the annotations and labels that hold a value, or a whole manifest with values, in clear.
    """

    metadata: Mapping[str, Any]
    values: Mapping[str, Secret]
    immutable: bool
    exposed_in: tuple[str, ...] = ()
