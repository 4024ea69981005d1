"""The embedded platform in words: its state, its processes, and the shell lines that point at it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import evaluated, to_paste
from warden.present.escaping import word

if TYPE_CHECKING:
    from warden.adapters.dev import Embedded, Status

Clusters = Sequence[Mapping[str, Any]]
"""Each cluster with its processes, as ``--json`` shows it."""


def clusters_of(embedded: "Embedded") -> Clusters:
    """The clusters with their processes, measured now."""
    return [
        {
            "name": name,
            "address": embedded.cluster(name).address,
            "auth_mount": embedded.auth_mount(name),
            "parts": [terminal.plain(part) for part in embedded.cluster(name).status()],
        }
        for name in embedded.clusters
    ]


def as_json(status: "Status", clusters: Clusters) -> dict[str, Any]:
    """The state of everything."""
    return {**terminal.plain(status), "clusters": clusters}


def show_stage(text: str) -> None:
    """A stage of coming up."""
    terminal.progress_done()
    terminal.note(text)


def ticking() -> Callable[[str, float], None]:
    """Shows what takes long: each second on a terminal, each half minute otherwise."""
    last = 0.0

    def tick(what: str, seconds: float) -> None:
        nonlocal last
        terminal.progress(f"  {what}, {seconds:.0f} s")
        if not sys.stderr.isatty() and seconds // 30 != last // 30:
            terminal.note(f"  {what}, {seconds:.0f} s")
        last = seconds

    return tick


def show_up(status: "Status", clusters: Clusters, *, started: bool) -> None:
    """Where it is, and the next command."""
    terminal.progress_done()
    state = "up" if started else "is up already"
    terminal.line(f"{state}: {status.address} (pid {status.pid}, OpenBao {status.version})")
    for found in clusters:
        terminal.line(f"  {found['name']}: {found['address']}, logs in at auth/{found['auth_mount']}")
    terminal.note(f"Next: {evaluated(warden('dev env'))}")


def show_status(status: "Status", clusters: Clusters, *, whole: bool) -> None:
    """OpenBao, then a table of each cluster's processes."""
    for name, text in _openbao(status):
        terminal.line(f"{name:<10}{text}")
    rows = [
        (cluster["name"], part["name"], _answer(part), str(part["pid"] or "-"), part["address"] or "-")
        for cluster in clusters
        for part in cluster["parts"]
    ]
    if rows:
        terminal.line()
        terminal.table(("CLUSTER", "PROCESS", "STATE", "PID", "ADDRESS"), rows)
    if not whole:
        terminal.note(f"Next: {to_paste(warden('dev up'))}")


def _openbao(found: "Status") -> list[tuple[str, str]]:
    state = "up" if found.up else "SEALED" if found.sealed else "down"
    return [
        ("state", f"{state}, started {terminal.ago(found.since)}" if found.since else state),
        ("address", found.address or "-"),
        ("server", f"OpenBao {found.version}, pid {found.pid}" if found.pid else "-"),
        ("data", f"{found.data_bytes / 1024:.0f} KiB in {found.directory}/data"),
        ("audit", f"{found.audit_bytes / 1024:.0f} KiB in {found.audit_file}"),
    ]


def _answer(part: Mapping[str, Any]) -> str:
    return "answers" if part["answers"] else "SILENT" if part["pid"] else "down"


def show_down(*, stopped: bool) -> None:
    """It is stopped; what it held is kept."""
    if stopped:
        terminal.line(f"down: its data is kept for the next {to_paste(warden('dev up'))}")
    else:
        terminal.line("was down already")


def show_wiped(directory: str, journal: str, *, wiped: bool) -> None:
    """It is removed; the journal at that path is not."""
    terminal.line(f"wiped: {directory}" if wiped else "there was nothing to wipe")
    if wiped and journal:
        terminal.note(f"kept: the journal, {journal}")
        terminal.note("It is about every OpenBao, not only this one.")


def show_env(variables: Mapping[str, str], token_file: str, shell: str) -> None:
    """Lines for a shell to evaluate; the token is read from its file, not in them."""
    for each in (_fish if shell == "fish" else _sh)(variables, token_file):
        terminal.line(each)
    if sys.stdout.isatty():
        env = warden("dev env", shell="fish")  # noqa: S604 - an option of ours
        use = f"{to_paste(env)} | source" if shell == "fish" else evaluated(warden("dev env"))
        terminal.note(f"These lines are for a shell to read: {use}")


def _sh(variables: Mapping[str, str], token_file: str) -> list[str]:
    return [
        "unset BAO_NAMESPACE VAULT_NAMESPACE",
        *(f"export {name}={word(text)}" for name, text in variables.items()),
        f'export BAO_TOKEN="$(cat {word(token_file)})"',
    ]


def _fish(variables: Mapping[str, str], token_file: str) -> list[str]:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return [
        "set -e BAO_NAMESPACE; set -e VAULT_NAMESPACE",
        *(f"set -gx {name} {quoted(text)}" for name, text in variables.items()),
        f"set -gx BAO_TOKEN (cat {quoted(token_file)})",
    ]


def show_login(persona: str, token_file: str) -> None:
    """Who is logged in, and how to use it."""
    terminal.line(f"logged in as {persona}; the token is in {token_file}")
    terminal.note(f"Next: {evaluated(warden('dev env', as_=persona))}")


def show_token(subject: str, audience: str, ttl: str, path: str) -> None:
    """Whose token it is, and where."""
    terminal.note(f"token of {subject} for {audience} (valid for {ttl}):")
    terminal.note(f"  {path}")
