import datetime as dt

from warden.adapters.catalog.search_index import compiled
from warden.adapters.catalog.stemming import Snowball
from warden.core.lanes.catalog import Catalog, Pointer
from warden.core.lanes.lane import Owner
from warden.core.search.findability import Confused, FewNeeds, NotFoundByNeed, weaknesses


def pointer(entry_id: str, title: str, *needs: str) -> Pointer:
    owner = Owner(repo="team", doc="README.md")
    known = {"reviewed": dt.date(2026, 11, 1), "subsystem": "none", "auth_method": "none", "next": "ask"}
    return Pointer(id=entry_id, title=title, status="active", owner=owner, needs=needs, **known)


GOOD = pointer(
    "billing-key", "Key of the billing service", "billing api key", "send an invoice", "invoices fail with 401"
)


def weak(*entries: Pointer) -> list[object]:
    catalog = Catalog({each.id: each for each in entries})
    return list(weaknesses(compiled(catalog), catalog.entries, Snowball()))


def test_good_entries_have_no_weakness():
    other = pointer("tunnel", "Tunnel to the office", "ssh tunnel", "port forwarding", "reach the intranet")
    assert weak(GOOD, other) == []


def test_few_needs():
    few = pointer("tunnel", "Tunnel to the office", "ssh tunnel", "port forwarding")
    assert weak(GOOD, few) == [FewNeeds("tunnel", "needs", 2)]


def test_the_same_need_in_two_entries():
    twin = pointer("tunnel", "Tunnel to the office", "ssh tunnel", "Billing API-key!", "reach the intranet")
    assert weak(GOOD, twin) == [Confused("tunnel", "needs[1]", "Billing API-key!", "billing-key")]


def test_a_title_that_leads_to_another_entry():
    twin = pointer("tunnel", "Key of the billing service", "ssh tunnel", "port forwarding", "reach the intranet")
    assert weak(GOOD, twin) == [Confused("tunnel", "title", "Key of the billing service", "billing-key")]


def test_a_need_that_says_nothing():
    empty = pointer("tunnel", "Tunnel to the office", "ssh tunnel", "where is the", "reach the intranet")
    assert weak(GOOD, empty) == [NotFoundByNeed("tunnel", "needs[1]", "where is the")]
