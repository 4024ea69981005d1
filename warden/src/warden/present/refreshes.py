"""Refreshes of deliveries, in words."""

from warden.core.proofs.delivery_observation import Sync


def refresh_reason(sync: Sync) -> str:
    """Why a refresh was not followed."""
    return sync.why or sync.followed
