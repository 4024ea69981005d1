"""Waiting for a refresh where the store became ready only after it was asked for."""

import time

import pytest

from warden.domain.errors import Refused
from warden.domain.manifests import Ref
from warden.verbs.refresh import GRACE, refresh

ASKED = Ref("ExternalSecret", "team", "key")
STORE = Ref("SecretStore", "team", "openbao-app")
EVENT = {"metadata": {"name": "one"}, "message": 'could not get client: SecretStore "openbao-app" is not ready'}


class Scripted:
    """A cluster whose operator reads the ExternalSecret again `later` seconds after it failed for the first time."""

    def __init__(self, later, store):
        self.later, self.store, self.failed_at = later, store, None

    def get(self, ref):
        if ref == STORE:
            if self.store == "forbidden":
                raise Refused("not yours")
            return {"status": {"conditions": [{"type": "Ready", "status": self.store}]}}
        done = self.failed_at is not None and time.monotonic() - self.failed_at > self.later
        return {
            "metadata": {"namespace": "team", "name": "key"},
            "spec": {"secretStoreRef": {"kind": "SecretStore", "name": "openbao-app"}},
            "status": {
                "syncedResourceVersion": "2" if done else "1",
                "conditions": [{"type": "Ready", "status": str(done)}],
            },
        }

    def patch(self, ref, changes):
        self.failed_at = time.monotonic()
        return self.get(ref)

    def events(self, _ref):
        return [EVENT] if self.failed_at is not None else []


def test_a_store_that_is_ready_by_now_is_waited_for():
    assert refresh(Scripted(GRACE + 1.5, "True"), ASKED, patience=8).followed == "synced"


@pytest.mark.parametrize("store", ["False", "forbidden"])
def test_one_that_is_not_or_may_not_be_looked_at_is_a_failure(store):
    found = refresh(Scripted(GRACE + 1.5, store), ASKED, patience=8)
    assert (found.followed, found.ms < 8000) == ("failed", True)
    assert found.why.endswith("is not ready")
