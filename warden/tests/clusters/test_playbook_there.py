"""The page of a delivered lane: by a proof on a real cluster, and by what is there afterwards."""

import datetime as dt

import pytest

from warden.core.lanes.lane import Consumer
from warden.present.playbook_page import page
from warden.usecases.playbook import Playbooks

pytestmark = pytest.mark.cluster


class OnePage:
    """The port PlaybookPages for one page in memory."""

    text: str | None = None

    def path(self, lane):
        return f"{lane}.md"

    def read(self, _lane):
        return self.text

    def write(self, _lane, text, _before):
        self.text = text

    def boxes(self, title):
        return [each[3] for each in (self.text or "").splitlines() if each.startswith("- [") and title in each]


def run(bench, pages, *, check=False):
    def document(lane, facts, aged):
        return page(lane, facts, bench.declared, "lane.yaml", aged=aged)

    playbooks = Playbooks(bench.journal, lambda: dt.datetime.now(dt.UTC), dt.timedelta(days=1), document)
    (found,) = playbooks.render([bench.whole_lane], bench.vault(), bench.clusters(), pages, check=check).pages
    return found


def test_a_delivery_is_ticked_by_its_proof_until_its_secret_is_another_one(bench):
    bench.change(consumers=(Consumer(deployment=f"{bench.namespace}/app"),))
    bench.ready()
    bench.deploy()
    proof, pages = bench.prove(), OnePage()
    assert proof.state == "proven", bench.shown(proof)
    run(bench, pages)
    assert pages.boxes("is delivered to") == pages.boxes("runs with it in") == ["x"]
    assert "The gate: **met**." in pages.text
    assert "Nothing is left to do." in pages.text
    assert run(bench, pages, check=True).state == "current"

    bench.merge("secret", bench.name, {"metadata": {"labels": {"somebody": "was-here"}}})
    found = run(bench, pages, check=True)
    assert found.state == "stale"
    run(bench, pages)
    assert pages.boxes("is delivered to") == [" "]
    assert "the Secret has changed since the last proof" in pages.text
    assert f"| changed since the last proof | `warden prove {bench.name}` |" in pages.text
