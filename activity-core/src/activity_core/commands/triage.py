"""`activity-core triage`."""

from __future__ import annotations

import os
from typing import Any

import click

from activity_core import berlin, markdown, post, refusals, render, source, terminal
from activity_core import gateway as llm_connect
from activity_core import triage as steps
from activity_core.faults import Exit, Fault, NoAnswer, WrongUsage
from activity_core.http import checked_url
from activity_core.lock import default_place
from activity_core.output import write

PROFILE = "custodian-triage-balanced"
_LONGEST_NAME = 200
_EXIT = {"whole": Exit.DONE, "empty": Exit.DONE, "review_required": Exit.NO, "unusable": Exit.INCONCLUSIVE}
_TOLD = {
    post.Told.NOW: "the State Hub was told of this run",
    post.Told.BEFORE: "the State Hub knows this run already",
    post.Told.CONFLICT: "the State Hub says that it knows this run already (409)",
}


def _a_name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A profile, or a model's id: llm-connect says whether there is one of that name."""
    if not value.isascii() or not value.isprintable() or not 0 < len(value) <= _LONGEST_NAME:
        raise click.BadParameter(f"is no name: 1 to {_LONGEST_NAME} printable characters of ASCII")
    return value


EXAMPLES = """\b
Examples:
  LLM_CONNECT_URL=http://127.0.0.1:8080 activity-core triage --digest samples/tuesday.json
  activity-core triage --digest https://hub.example/digest --out report.md --out report.json

\b
Environment: LLM_CONNECT_URL, LLM_CONNECT_TIMEOUT_SECONDS (300), LLM_CONNECT_TOKEN_FILE,
  ACTIVITY_CORE_RECORD, ACTIVITY_CORE_DIGEST_TOKEN_FILE, STATE_HUB_TOKEN_FILE.

\b
Exit codes: 0 a report (or an honest empty one), 1 a report that wants a review or a digest
  with faults, 3 no usable answer, 4 refused, 5 not now. All: activity-core exit-codes"""


@click.command("triage", short_help="Rank the day's work from a digest.", epilog=EXAMPLES)
@click.option("--digest", required=True, metavar="FILE|URL", help="The digest; - is standard input.")
@click.option("--out", metavar="FILE", help="Write the report there, too: .json or .md. Repeatable.", multiple=True)
@click.option("--again", is_flag=True, help="Ask again, though today has its report.")
@click.option("--post", "post_url", metavar="URL", help="Tell a State Hub of the run: counts only, no text.")
@click.option("--profile", default=PROFILE, show_default=True, callback=_a_name, help="Which profile of llm-connect.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON on standard output.")
def command(
    *, digest: str, out: tuple[str, ...], again: bool, post_url: str | None, profile: str, as_json: bool
) -> int:
    """Rank the day's work from a digest: at most 7 things to do, by WSJF, each with its reason.

    One report for each day in Berlin: a second call shows the day's report again and asks nobody, unless --again.
    """
    _usable_outputs(out)
    hub = checked_url(post_url, of="--post") if post_url else None
    made = steps.triage(_asked(digest, profile, again=again), berlin.now, render.progress)
    report = made.report
    render.progress_done()
    if made.replayed:
        began = berlin.clock_time(berlin.parsed(report["began_at"]))
        other = ", and of another digest than this one" if made.of_another else ""
        render.note(f"This is today's report of {began}{other}; nobody was asked. A new one: --again")
    _show(report, as_json=as_json)
    told = [made.unrecorded, *(_written(path, report) for path in out), _posted(hub, report)]
    faults = [fault for fault in told if fault]
    for fault in faults:
        render.fault(fault, as_json=as_json)
    return max([_exit_of(report), *(int(fault.exit) for fault in faults)])


def _exit_of(report: dict[str, Any]) -> int:
    """As the table says; a digest of which no entry can be used is one with faults, not a quiet day."""
    faulty = report["state"] == "empty" and report["dropped"]
    return int(Exit.NO if faulty else _EXIT[report["state"]])


def _asked(digest: str, profile: str, *, again: bool) -> steps.Asked:
    environment = os.environ
    url = environment.get("LLM_CONNECT_URL")
    if not url:
        message = "LLM_CONNECT_URL is not set, so that nobody can be asked. Nothing was done."
        hint = "export LLM_CONNECT_URL=http://127.0.0.1:8080, or wherever llm-connect serve said it is"
        raise WrongUsage("configuration", message, system="activity-core", subject="LLM_CONNECT_URL", hint=hint)
    if "?" in url or "#" in url:
        message = "LLM_CONNECT_URL has a query or a fragment, behind which no path can stand. Nothing was done."
        hint = "correct LLM_CONNECT_URL: http://HOST or https://HOST, with a path where there is one"
        raise WrongUsage("url", message, system="activity-core", hint=hint)
    gateway = llm_connect.Gateway(
        url=checked_url(url, of="LLM_CONNECT_URL"),
        profile=profile,
        seconds=_seconds(environment.get("LLM_CONNECT_TIMEOUT_SECONDS") or "300"),
        token_file=environment.get(refusals.TOKEN_FILE),
    )
    place = default_place(environment)
    return steps.Asked(source.checked(digest), environment.get(source.TOKEN_FILE), gateway, place, again)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 1 <= seconds <= 600:  # noqa: PLR2004 - what llm-connect takes
        return seconds
    message = "LLM_CONNECT_TIMEOUT_SECONDS is no number from 1 to 600. Nothing was done."
    raise WrongUsage("configuration", message, system="activity-core", subject="LLM_CONNECT_TIMEOUT_SECONDS")


def _usable_outputs(paths: tuple[str, ...]) -> None:
    for path in paths:
        if not path.endswith((".json", ".md")):
            raise click.BadParameter("ends with neither .json nor .md", param_hint="--out")


def _show(report: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        render.document(render.json_of(report))
    elif render.on_terminal():
        render.lines(terminal.lines(report, render.width(), render.styled))
    else:
        render.document(markdown.rendered(report))
    render.flush()


def _written(path: str, report: dict[str, object]) -> Fault | None:
    text = render.json_of(report) if path.endswith(".json") else markdown.rendered(report)
    try:
        write(path, text)
    except NoAnswer as fault:
        return fault
    return None


def _posted(hub: str | None, report: dict[str, object]) -> Fault | None:
    if hub is None:
        return None
    try:
        told = post.once(default_place(os.environ), hub, report, os.environ.get(post.TOKEN_FILE), berlin.now)
    except Fault as fault:
        return fault
    render.note(_TOLD[told])
    return None
