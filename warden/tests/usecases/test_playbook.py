"""playbook: the page says what was measured here and now, and is stale only when that or the declaration changes."""

import datetime as dt

import pytest

from warden.core.errors import Invalid
from warden.core.lanes.lane import Rotation
from warden.core.playbooks.markers import begin, end
from warden.present.playbook_page import page
from warden.usecases.deactivate import record_closing
from warden.usecases.playbook import Playbooks

DAY = dt.timedelta(days=1)


class Pages:
    """The pages of a bench, in memory: files are the adapter's."""

    def __init__(self):
        self.texts = {}

    def path(self, lane):
        return f"docs/playbooks/{lane}.md"

    def read(self, lane):
        return self.texts.get(lane)

    def write(self, lane, text, before):
        assert self.read(lane) == before
        self.texts[lane] = text


class PageBench:
    def __init__(self, bench):
        self.bench = bench
        self.pages = Pages()

    def run(self, *, check=False, later=dt.timedelta(), looks=True):
        def now():
            return dt.datetime.now(dt.UTC) + later

        playbooks = Playbooks(
            self.bench.journal, now, DAY, lambda lane, facts, aged: page(lane, facts, {}, "lane.yaml", aged=aged)
        )
        vault = self.bench.vault() if looks else None
        return playbooks.render([self.bench.lane], vault, None, self.pages, check=check)

    def state(self, **how):
        report = self.run(**how)
        assert (report.faults, report.damaged) == ((), ())
        (found,) = report.pages
        return found.state

    @property
    def text(self):
        return self.pages.texts[self.bench.lane.id]

    @text.setter
    def text(self, text):
        self.pages.texts[self.bench.lane.id] = text

    def box(self, title):
        (line,) = [each for each in self.text.splitlines() if each.startswith("- [") and title in each]
        return line


@pytest.fixture
def pages(bench):
    return PageBench(bench)


def test_what_a_proof_shows_is_ticked_with_its_number(pages):
    pages.bench.ready().prove()
    assert pages.state() == "written"
    number = pages.bench.journal.log(events=("proof",))[-1].seq
    for title in ("It has a live value", "Policy and roles", "can read it ·", "Path, mount and audit log"):
        assert pages.box(title).startswith("- [x]"), title
        assert f"(journal {number})" in pages.box(title), title


def test_rendering_twice_changes_no_byte(pages):
    pages.bench.ready().prove()
    assert [pages.state(), pages.state(), pages.state(check=True)] == ["written", "unchanged", "current"]


def test_a_look_ticks_the_path_and_says_when(pages):
    pages.bench.ready()
    pages.run()
    today = dt.datetime.now(dt.UTC).date().isoformat()
    assert pages.box("The path exists") == f"- [x] The path exists and is marked as this lane's · seen {today}"
    assert pages.box("can read it ·").endswith("no proof in this journal")


def test_without_openbao_the_journal_alone_counts(pages):
    pages.bench.ready().prove()
    pages.run(looks=False)
    assert pages.box("It has a live value").startswith("- [x]")
    assert "OpenBao was not asked" in pages.text


def test_a_page_is_not_stale_because_its_proof_has_grown_old_or_was_made_again(pages):
    pages.bench.ready().prove()
    pages.run()
    assert pages.state(check=True, later=2 * DAY) == "current"
    pages.bench.prove()
    assert pages.state(check=True) == "current"


def test_an_old_proof_ticks_no_box_of_a_page_that_is_rendered(pages):
    pages.bench.ready().prove()
    pages.run(later=2 * DAY)
    assert pages.box("can read it ·").startswith("- [ ]")
    assert "too old to count" in pages.box("can read it ·")


def test_a_page_is_stale_when_something_stands_otherwise(pages):
    pages.bench.ready().prove()
    pages.run()
    role = pages.bench.server.must("GET", pages.bench.role)["data"]
    pages.bench.server.must(
        "POST", pages.bench.role, {k: v for k, v in role.items() if v} | {"token_policies": ["default"]}
    )
    (found,) = pages.run(check=True).pages
    assert found.state == "stale"
    assert any("Policy and roles" in (each.found or "") and "[x]" in each.found for each in found.differences)


def test_a_page_is_stale_when_something_else_is_declared(pages):
    pages.bench.ready()
    pages.run()
    pages.bench.change(rotation=Rotation(every=86400, source="prompt"), references=("WP-7",))
    (found,) = pages.run(check=True, looks=False).pages
    lines = pages.text.splitlines()
    assert found.state == "stale"
    assert all(lines[each.line - 1] == each.found for each in found.differences if each.found is not None)
    assert any("WP-7" in (each.expected or "") for each in found.differences)


def test_a_closed_lane_has_no_tick_and_its_page_is_stale(pages):
    pages.bench.ready().prove()
    pages.run()
    record_closing(pages.bench.lane.id, "not needed", pages.bench.server.address, pages.bench.journal)
    assert pages.state(check=True, looks=False) == "stale"
    pages.run()
    assert "- [x]" not in pages.text


def test_a_journal_that_knows_nothing_of_the_lane_compares_what_is_declared(pages):
    pages.bench.ready().prove()
    pages.run()
    pages.bench.journal = pages.bench.journal_at("here", file="another.db")
    (found,) = pages.run(check=True, looks=False).pages
    assert (found.state, found.not_compared) == ("current", ("gate", "checklist", "next"))
    (found,) = pages.run(check=True).pages  # what is seen there agrees with the proof that the page names
    assert found.state == "current"
    pages.text = pages.text.replace("It has a live value", "It has a value")
    assert pages.state(check=True, looks=False) == "stale"


def test_what_was_written_by_hand_stays(pages):
    pages.run(looks=False)
    pages.text = f"Mine, before.\n\n{pages.text}\nMine, behind: café.\n"
    between = pages.text.replace(end("owners"), f"{end('owners')}\n\n## Mine\n\n- [ ] a box of mine")
    pages.text = between
    assert pages.state(looks=False) == "unchanged"
    pages.bench.change(references=("WP-7",))
    assert pages.state(looks=False) == "written"
    for mine in ("Mine, before.\n", "\nMine, behind: café.\n", "\n\n## Mine\n\n- [ ] a box of mine\n"):
        assert mine in pages.text


def test_the_line_ends_of_a_page_stay(pages):
    pages.run(looks=False)
    pages.text = pages.text.replace("\n", "\r\n")
    assert (pages.state(looks=False), pages.state(looks=False, check=True)) == ("unchanged", "current")


def test_a_page_with_a_damaged_marker_is_left_as_it_is(pages):
    pages.run(looks=False)
    damaged = pages.text.replace(end("custody"), "")
    line = damaged.splitlines().index(begin("gate")) + 1
    pages.text = damaged
    for check in (False, True):
        report = pages.run(looks=False, check=check)
        assert pages.text == damaged
        (fault,) = report.damaged
        assert isinstance(fault, Invalid)
        assert line in [each.line for each in fault.problem.damages]


def test_a_missing_page_is_missing(pages):
    assert pages.state(check=True, looks=False) == "missing"
    assert pages.pages.texts == {}
