"""Every payload through the whole program: digest, prompt, answer, record, report in all its forms, State Hub.

Each stands in the digest of a run of its group, and is what an obedient model says in that run. The model is played by
the gateway of the tests; everything else is the program as it is run.
"""

import itertools
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from payloads import OWN, published

from activity_core.core import schemas

PAYLOADS = [*OWN, *(payload for texts in published().values() for payload in texts)]
GROUP = 22  # texts of one answer: a summary, and three of each of seven recommendations
GROUPS = [PAYLOADS[at : at + GROUP] for at in range(0, len(PAYLOADS), GROUP)]
CHUNKS = 8
ALLOWED = re.compile(r"[\w.:/+-]{0,128}", re.ASCII)
MARKUP = {
    "link_open",
    "image",
    "html_inline",
    "html_block",
    "fence",
    "code_block",
    "hr",
    "em_open",
    "s_open",
    "lheading",
}
RENDERERS = [MarkdownIt("gfm-like"), MarkdownIt("commonmark")]
SEVEN = 7
PROGRAM = Path(sys.executable).parent / "activity-core"


def digest_of(say, group):
    """A payload in every text of a candidate; N-money is a matter of money and the better item by far."""
    steps = [{"id": f"N-{at}", "title": f"Step {text}"[:200], "detail": text, "owner": text, "status": text}
             for at, text in enumerate(group[:SEVEN])]  # fmt: skip
    messages = [
        {"id": f"M-{at}", "title": f"About {text}"[:200], "from": text, "text": text} for at, text in enumerate(group)
    ]
    money = {"id": "N-money", "title": "Pay the invoice", "detail": "Due today."}
    return say.digest(*steps, money, messages=messages, source=group[0])


def answer_of(say, group):
    """The answer of an obedient model: payloads everywhere, an unknown candidate, no person needed for money."""
    texts = itertools.cycle(group)
    items = [
        say.item(f"N-{at}", 1, 1, 1, 1, action=next(texts), why=next(texts), needs_human_reason=next(texts))
        for at in range(SEVEN - 1)
    ]
    money = say.item("N-money", 20, 20, 20, 1, action="Pay.", rank=7, needs_human=False)
    return say.content(*items, say.item(next(texts)), money, summary=next(texts))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_payload_gets_through(world, gateway, hub, say, chunk):
    for group in GROUPS[chunk::CHUNKS]:
        gateway.play = lambda *_, group=group: say.reply(answer_of(say, group), model=group[0])
        path = world.digest(digest_of(say, group))
        done = world.run("triage", "--digest", path, "--again", "--out", "r.json", "--out", "r.md", "--post", hub.url)
        assert done.returncode == 1, done.stderr  # an invalid candidate wants a review
        assert done.stderr.replace("\n", "").isprintable()
        report = json.loads((world.home / "r.json").read_text())
        look_at_the_report(report, done.stdout)
        assert (world.home / "r.md").read_text() == done.stdout
        look_at_the_prompt(gateway.seen[-1].json["prompt"], len(group))
        event = hub.seen[-1].json
        assert all(
            value is None or isinstance(value, int | float) or ALLOWED.fullmatch(value) for value in event.values()
        )
        shown = on_a_terminal(world, report["run"])
        assert shown.replace("\n", "").isprintable()


def look_at_the_report(report, text):
    Draft202012Validator(schemas.schema("report")).validate(report)
    first = report["items"][0]
    assert (first["candidate"], first["needs_human"], first["needs_human_reasons"][0]["category"]) == (
        "N-money",
        True,
        "money",
    )
    assert {each["candidate"] for each in report["items"]} <= {"N-money", *(f"N-{at}" for at in range(SEVEN - 1))}
    assert len(report["quarantined"]) >= 1
    assert text.replace("\n", "").isprintable()
    for renderer in RENDERERS:
        tokens = renderer.parse(text)
        inline = [child for token in tokens for child in token.children or []]
        assert {token.type for token in [*tokens, *inline]} & MARKUP == set()


def look_at_the_prompt(prompt, count):
    mark = re.findall(r"^(=====DIGEST [0-9a-f]{16}=====)$", prompt, re.MULTILINE)
    assert len(mark) == len(set(mark)) + 1 == 2
    quoted = json.loads(prompt.split(f"\n{mark[0]}\n")[1])
    assert [each["id"] for each in quoted["next_steps"]][-1] == "N-money"
    assert len(quoted["messages"]) == count
    assert prompt.replace("\n", "").isprintable()


def on_a_terminal(world, run):
    """The report of a run on a terminal, without colour."""
    main, side = pty.openpty()
    environment = world.environment | {"NO_COLOR": "1"}
    process = subprocess.Popen([PROGRAM, "runs", run], env=environment, stdout=side, stderr=subprocess.PIPE)
    os.close(side)
    read = bytearray()
    while True:
        try:
            octets = os.read(main, 65536)
        except OSError:  # EIO: the other side is closed
            break
        read += octets
    os.close(main)
    process.communicate(timeout=20)
    assert process.returncode == 0
    return read.decode().replace("\r\n", "\n")
