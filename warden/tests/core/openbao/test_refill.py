"""How a path gets a live version again: nobody has to find a value anew that was only deleted."""

from warden.core.openbao.api import KvMetadata
from warden.core.openbao.refill import refill, undelete
from warden.core.remedies import warden
from warden.present.commands import commands


def test_what_was_deleted_is_brought_back_and_what_was_never_there_is_put(lane_of):
    lane = lane_of()
    put = (warden("put", "first", "API_KEY"),)
    gone = KvMetadata(current=3, live=False, written=None, custom={})
    assert refill(lane, None) == refill(lane, gone) == put
    deleted = KvMetadata(current=3, live=False, written=None, custom={}, deleted=3)
    assert refill(lane, deleted) == (undelete("platform", "workloads/tenant/first/first-secrets", 3),)
    line = "bao kv undelete -mount=platform -versions=3 workloads/tenant/first/first-secrets"
    assert commands(refill(lane, deleted)) == line
