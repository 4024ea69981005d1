"""`activity-core triage`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from activity_core.adapters import digest_source, llm_connect, llm_connect_errors, state_hub
from activity_core.adapters.http import checked_url
from activity_core.adapters.lock import record_path
from activity_core.adapters.report_file import write
from activity_core.core import dates
from activity_core.core.errors import Exit, TriageError, Unavailable, UsageError
from activity_core.present import console, markdown
from activity_core.present.show import show
from activity_core.triage import Request, Result, triage

PROFILE = "custodian-triage-balanced"
_LONGEST_NAME = 200
_EXIT_OF_STATE = {
    "whole": Exit.DONE,
    "empty": Exit.DONE,
    "review_required": Exit.NO,
    "unusable": Exit.INCONCLUSIVE,
}
_POSTED = {
    state_hub.Posted.NOW: "the run was posted to the State Hub",
    state_hub.Posted.BEFORE: "the State Hub knows this run already",
    state_hub.Posted.CONFLICT: "the State Hub answered that it knows this run already (409)",
}


def _checked_profile(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A profile, or a model's id; llm-connect says whether it exists."""
    if not value.isascii() or not value.isprintable() or not 0 < len(value) <= _LONGEST_NAME:
        raise click.BadParameter(f"expected 1 to {_LONGEST_NAME} printable ASCII characters")
    return value


EXAMPLES = """\b
Examples:
  export LLM_CONNECT_URL=http://127.0.0.1:8080
  activity-core triage --digest activity-core/samples/tuesday.json
  activity-core triage --digest https://hub.example/digest --out report.md --out report.json

\b
Environment: LLM_CONNECT_URL, LLM_CONNECT_TIMEOUT_SECONDS (300), LLM_CONNECT_TOKEN_FILE,
  ACTIVITY_CORE_RECORD, ACTIVITY_CORE_DIGEST_TOKEN_FILE, STATE_HUB_TOKEN_FILE.

\b
Exit codes: 0 a complete report (or an empty one for an empty digest), 1 a report that needs
  review or an invalid digest, 3 no usable answer, 4 access denied, 5 not now.
  All: activity-core exit-codes"""


@click.command("triage", short_help="Rank the day's work from a digest.", epilog=EXAMPLES)
@click.option("--digest", required=True, metavar="FILE|URL", help="The digest; - is standard input.")
@click.option("--out", metavar="FILE", help="Also write the report there: .json or .md. Repeatable.", multiple=True)
@click.option("--again", is_flag=True, help="Make a new report even if today has one.")
@click.option("--post", "post_url", metavar="URL", help="Post the run to a State Hub: counts only, no text.")
@click.option("--profile", default=PROFILE, show_default=True, callback=_checked_profile, help="llm-connect's profile.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    *, digest: str, out: tuple[str, ...], again: bool, post_url: str | None, profile: str, as_json: bool
) -> int:
    """Rank the day's work from a digest: at most 7 things to do, by WSJF, each with its reason.

    There is one report per day in Berlin. A second call shows it again and does not ask the model, unless --again.
    """
    _check_outputs(out)
    hub = checked_url(post_url, option="--post") if post_url else None
    result = triage(_request(digest, profile, again=again), _now, console.progress)
    report = result.report
    console.end_progress()
    if result.replayed:
        console.note(_replay_note(result))
    show(report, as_json=as_json)
    console.flush()
    outcomes = [result.not_recorded, *(_write_file(path, result) for path in out), _post(hub, report)]
    errors = [error for error in outcomes if error]
    for error in errors:
        console.error(error, as_json=as_json)
    return max([_exit_of(report), *(int(error.exit) for error in errors)])


def _now() -> datetime:
    return datetime.now(UTC)


def _replay_note(result: Result) -> str:
    began = dates.clock_time(dates.parsed(result.report["began_at"]))
    other = " of another digest" if result.of_another_digest else ""
    return f"This is today's report from {began}{other}; the model was not asked. For a new one: --again"


def _exit_of(report: dict[str, Any]) -> int:
    """By the table of states. A digest whose entries cannot be used is invalid, not a quiet day."""
    invalid = report["state"] == "empty" and report["dropped"]
    return int(Exit.NO if invalid else _EXIT_OF_STATE[report["state"]])


def _request(digest: str, profile: str, *, again: bool) -> Request:
    environment = os.environ
    url = environment.get("LLM_CONNECT_URL")
    if not url:
        message = "LLM_CONNECT_URL is not set. Nothing was done."
        hint = "export LLM_CONNECT_URL=http://127.0.0.1:8080, or wherever llm-connect serves"
        raise UsageError("configuration", message, system="activity-core", subject="LLM_CONNECT_URL", hint=hint)
    if "?" in url or "#" in url:
        message = "LLM_CONNECT_URL has a query or a fragment, so no path can be added. Nothing was done."
        hint = "correct LLM_CONNECT_URL: http://HOST or https://HOST, with a path if there is one"
        raise UsageError("url", message, system="activity-core", hint=hint)
    gateway = llm_connect.Gateway(
        url=checked_url(url, option="LLM_CONNECT_URL"),
        profile=profile,
        seconds=_timeout_seconds(environment.get("LLM_CONNECT_TIMEOUT_SECONDS") or "300"),
        token_file=environment.get(llm_connect_errors.TOKEN_FILE),
    )
    token_file = environment.get(digest_source.TOKEN_FILE)
    return Request(digest_source.checked(digest), token_file, gateway, record_path(environment), again)


def _timeout_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 1 <= seconds <= 600:  # noqa: PLR2004 - what llm-connect accepts
        return seconds
    message = "LLM_CONNECT_TIMEOUT_SECONDS is not a number from 1 to 600. Nothing was done."
    raise UsageError("configuration", message, system="activity-core", subject="LLM_CONNECT_TIMEOUT_SECONDS")


def _check_outputs(paths: tuple[str, ...]) -> None:
    for path in paths:
        if not path.endswith((".json", ".md")):
            raise click.BadParameter("expected a name that ends in .json or .md", param_hint="--out")


def _write_file(path: str, result: Result) -> TriageError | None:
    report = result.report
    text = console.json_of(report) if path.endswith(".json") else markdown.rendered(report)
    try:
        write(path, text, None if result.not_recorded else report["run"])
    except Unavailable as error:
        return error
    return None


def _post(hub: str | None, report: dict[str, object]) -> TriageError | None:
    if hub is None:
        return None
    try:
        posted = state_hub.post_once(record_path(os.environ), hub, report, os.environ.get(state_hub.TOKEN_FILE), _now)
    except TriageError as error:
        return error
    console.note(_POSTED[posted])
    return None
