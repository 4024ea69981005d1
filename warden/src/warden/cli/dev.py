"""``warden dev``: the embedded platform, for playing each part on a real OpenBao of one's own."""

import re
import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from warden.cli import wiring
from warden.core.errors import Exit, UsageError
from warden.core.lanes.lane import Workload
from warden.core.secret import Secret
from warden.present import terminal

if TYPE_CHECKING:
    from warden.adapters.dev import Embedded, Status

_UNITS = {"s": 1, "m": 60, "h": 3600}
_LONGEST = 24 * 3600
_as_json = click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")


@click.group()
def dev() -> None:
    """Run an embedded OpenBao of your own: persistent, audited, with the parts of a platform to play.

    With --cluster a Kubernetes control plane and External Secrets Operator run beside it.

    \b
    Examples:
      warden dev up
      warden dev up --cluster
      eval "$(warden dev env --as platform)"
    """


@dev.command(short_help="Bring the embedded platform up.")
@click.option(
    "--cluster",
    "clusters",
    is_flag=False,
    flag_value="coulombcore",
    default="",
    metavar="[NAME[,NAME…]]",
    help="With these clusters, too; without a name: coulombcore. It remembers them.",
)
@_as_json
def up(clusters: str, as_json: bool) -> None:
    """Bring the embedded platform up, or say that it is up; what it held before is kept.

    A cluster is a real etcd, kube-apiserver, kube-controller-manager and External Secrets Operator, without a kubelet:
    no pod runs. Their programs are built once, with Go, which takes minutes and says so first.

    \b
    Examples:
      warden dev up
      warden dev up --cluster
      warden dev up --cluster coulombcore,railiance01
      WARDEN_STATE=/tmp/try warden dev up --json
    \b
    Exit codes: 1 where --cluster needs Go and there is none, 3 where something does not come up,
    5 where another `warden dev` is at work for too long.
    """
    embedded = wiring.embedded()
    names = [name.strip() for name in clusters.split(",") if name.strip()]
    status, started = embedded.up(_told, names, _ticking())
    terminal.progress_done()
    if as_json:
        return terminal.document(_document(status, _clusters(embedded)))
    terminal.line(
        f"{'up' if started else 'is up already'}: {status.address} (pid {status.pid}, OpenBao {status.version})"
    )
    for found in _clusters(embedded):
        terminal.line(f"  {found['name']}: {found['address']}, logs in at auth/{found['auth_mount']}")
    return terminal.note('Next: eval "$(warden dev env)"')


def _told(text: str) -> None:
    terminal.progress_done()
    terminal.note(text)


def _ticking() -> Callable[[str, float], None]:
    """Shows each second on a terminal what takes long, and each half minute where there is none."""
    last = 0.0

    def tick(what: str, seconds: float) -> None:
        nonlocal last
        terminal.progress(f"  {what}, {seconds:.0f} s")
        if not sys.stderr.isatty() and seconds // 30 != last // 30:
            terminal.note(f"  {what}, {seconds:.0f} s")
        last = seconds

    return tick


@dev.command(short_help="Say whether it is up, and where it is.")
@_as_json
def status(as_json: bool) -> Exit:
    """Say whether the embedded platform is up, where it is and how much it holds; with clusters, each process.

    \b
    Examples:
      warden dev status
      warden dev status --json
    \b
    Exit codes: 1 where it is down, or a process of a cluster does not answer.
    """
    embedded = wiring.embedded()
    found, clusters = embedded.status(), _clusters(embedded)
    whole = found.up and all(part["answers"] for cluster in clusters for part in cluster["parts"])
    if as_json:
        terminal.document(_document(found, clusters))
    else:
        for name, text in _lines(found):
            terminal.line(f"{name:<10}{text}")
        _show_clusters(clusters)
        if not whole:
            terminal.note("Next: warden dev up")
    return Exit.DONE if whole else Exit.NO


def _document(status: "Status", clusters: list[dict[str, Any]]) -> dict[str, Any]:
    return {**terminal.plain(status), "clusters": clusters}


def _clusters(embedded: "Embedded") -> list[dict[str, Any]]:
    """Each cluster with its processes, measured now, as ``--json`` shows it."""
    return [
        {
            "name": name,
            "address": embedded.cluster(name).address,
            "auth_mount": embedded.auth_mount(name),
            "parts": [terminal.plain(part) for part in embedded.cluster(name).status()],
        }
        for name in embedded.clusters
    ]


def _show_clusters(clusters: list[dict[str, Any]]) -> None:
    rows = [
        (cluster["name"], part["name"], _answer(part), str(part["pid"] or "-"), part["address"] or "-")
        for cluster in clusters
        for part in cluster["parts"]
    ]
    if rows:
        terminal.line()
        terminal.table(("CLUSTER", "PROCESS", "STATE", "PID", "ADDRESS"), rows)


def _answer(part: dict[str, Any]) -> str:
    return "answers" if part["answers"] else "SILENT" if part["pid"] else "down"


def _lines(found: "Status") -> list[tuple[str, str]]:
    state = "up" if found.up else "SEALED" if found.sealed else "down"
    return [
        ("state", f"{state}, since {terminal.ago(found.since)}" if found.since else state),
        ("address", found.address or "-"),
        ("server", f"OpenBao {found.version}, pid {found.pid}" if found.pid else "-"),
        ("data", f"{found.data_bytes / 1024:.0f} KiB in {found.directory}/data"),
        ("audit", f"{found.audit_bytes / 1024:.0f} KiB in {found.audit_file}"),
    ]


@dev.command()
@click.option("--wipe", is_flag=True, help="Remove all that it kept, too: secrets, audit log, keys.")
@click.option("--yes", is_flag=True, help="Do not ask before wiping.")
@_as_json
def down(wipe: bool, yes: bool, as_json: bool) -> None:
    """Stop the embedded platform; with --wipe, remove all that it kept. The journal stays: it is no part of it.

    \b
    Examples:
      warden dev down
      warden dev down --wipe --yes
    """
    embedded = wiring.embedded()
    if wipe:
        _expect_consent(embedded.layout.root, yes)
    done = embedded.wipe() if wipe else embedded.down()
    if as_json:
        return terminal.document({"stopped": done and not wipe, "wiped": done and wipe})
    if wipe:
        terminal.line(f"wiped: {embedded.layout.root}" if done else "there was nothing to wipe")
        return _tell_of_journal() if done else None
    return terminal.line("down: what it held is kept, for the next warden dev up" if done else "was down already")


def _tell_of_journal() -> None:
    if path := wiring.journal_file():
        terminal.note(f"kept: the journal, {path}")
        terminal.note("It is of every OpenBao, not of this one alone; a lane that is closed stays closed.")


def _expect_consent(directory: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"{directory} holds secrets and their audit log, and nobody can be asked here. Nothing was removed.",
            system="embedded platform",
            subject=directory,
            hint="if it may go: warden dev down --wipe --yes",
        )
    terminal.note(f"This removes {directory}: every secret in it, its audit log, its keys. The journal stays.")
    if click.prompt("Type wipe to go on", default="", show_default=False, err=True) != "wipe":
        raise UsageError("The word was not typed. Nothing was removed.", hint="warden dev down --wipe")


@dev.command(short_help="Print shell lines that point warden and bao at it.")
@click.option("--as", "part", default="platform", metavar="PART", help="admin, platform, developer or person:NAME.")
@click.option("--shell", type=click.Choice(["sh", "fish"]), default="sh", help="Whose syntax (sh: also bash and zsh).")
@_as_json
def env(part: str, shell: str, as_json: bool) -> None:
    """Print shell lines that make warden and bao speak to the embedded platform as PART; the token is not in them.

    \b
    Examples:
      eval "$(warden dev env)"
      warden dev env --as person:ada --shell fish | source
    """
    embedded = wiring.embedded()
    token_file = embedded.parts.token_file(_file_name(part))
    status = embedded.status()
    shown = {"BAO_ADDR": status.address, "WARDEN_AUDIT": status.audit_file}
    shown |= {"BAO_CACERT": status.ca_file, "KUBECONFIG": status.kubeconfig} if status.kubeconfig else {}
    if as_json:
        return terminal.document({**shown, "token_file": token_file, "as": part})
    for each in (_fish if shell == "fish" else _sh)(shown, token_file):
        terminal.line(each)
    if sys.stdout.isatty():
        use = "warden dev env --shell fish | source" if shell == "fish" else 'eval "$(warden dev env)"'
        terminal.note(f"These lines are for a shell to read: {use}")
    return None


def _sh(shown: dict[str, str], token_file: str) -> list[str]:
    return [
        "unset BAO_NAMESPACE VAULT_NAMESPACE",
        *(f"export {name}={shlex.quote(text)}" for name, text in shown.items()),
        f'export BAO_TOKEN="$(cat {shlex.quote(token_file)})"',
    ]


def _fish(shown: dict[str, str], token_file: str) -> list[str]:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return [
        "set -e BAO_NAMESPACE; set -e VAULT_NAMESPACE",
        *(f"set -gx {name} {quoted(text)}" for name, text in shown.items()),
        f"set -gx BAO_TOKEN (cat {quoted(token_file)})",
    ]


@dev.command(short_help="Log in as a part and keep the token.")
@click.argument("part")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="A group of person:NAME; may be repeated.")
@click.option("--role", metavar="ROLE", help="The role at auth/netkingdom that person:NAME logs in with.")
@_as_json
def login(part: str, groups: tuple[str, ...], role: str | None, as_json: bool) -> None:
    """Log in as PART (admin, platform, developer, person:NAME) and keep the token in the state directory.

    \b
    Examples:
      warden dev login platform
      warden dev login person:ada --group npm-publishers --role whynot-design-workload-kv-read
    \b
    Exit codes: 4 where OpenBao refuses the login.
    """
    parts = wiring.embedded().parts
    kind, _, name = part.partition(":")
    if kind == "person" and not role:
        raise UsageError(
            "A person logs in with a role, and none was named. Nobody was logged in.",
            subject=part,
            hint=f"warden dev login {part} --group GROUP --role ROLE (warden plan shows the roles of a lane)",
        )
    path = parts.login_person(name, groups, role) if kind == "person" and role else parts.login(part)
    if as_json:
        return terminal.document({"as": part, "token_file": path})
    terminal.line(f"logged in as {part}; the token is in {path}")
    return terminal.note(f'Next: eval "$(warden dev env --as {shlex.quote(part)})"')


def _file_name(part: str) -> str:
    kind, mark, name = part.partition(":")
    return f"person-{name}" if mark and kind == "person" else part


@dev.command(short_help="Make a service-account token.")
@click.argument("workload", metavar="NAMESPACE/ACCOUNT")
@click.option("--audience", default="openbao", show_default=True, help="Whom the token is for.")
@click.option("--ttl", default="10m", show_default=True, help="How long it is good for: 90s, 10m, 1h.")
@click.option("--cluster", metavar="NAME", help="The cluster that makes it, where there are any; else the first.")
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Write it there, mode 0600.")
@click.option("--force", is_flag=True, help="Print it even to a terminal.")
@_as_json
def token(
    *, workload: str, audience: str, ttl: str, cluster: str | None, out: str | None, force: bool, as_json: bool
) -> None:
    """Make a service-account token as a cluster would, to play a workload with; with clusters, one of them makes it.

    \b
    Examples:
      warden dev token activity-core/llm-connect --out /tmp/llm-connect.jwt
      warden dev token activity-core/llm-connect --cluster railiance01 | wc -c
      warden dev token activity-core/llm-connect --ttl 90s | bao write -field=token \\
          auth/kubernetes/login role=external-secrets-activity-core jwt=-
    """
    _expect_somewhere_to_go(out, force=force, as_json=as_json)
    who, seconds = _workload(workload), _seconds(ttl)
    minted = _mint(who, audience, seconds, cluster)
    if out is None:
        return terminal.value(minted)
    wiring.write_private(out, minted.reveal())
    if as_json:
        return terminal.document({"file": out, "subject": who.subject, "audience": audience, "ttl": seconds})
    terminal.note(f"token of {who} for {audience}, good for {ttl}:")
    return terminal.note(f"  {out}")


def _mint(who: Workload, audience: str, seconds: int, cluster: str | None) -> Secret:
    embedded = wiring.embedded()
    if cluster is None and not embedded.clusters:
        return embedded.issuer.mint(who, audience, seconds)
    return embedded.cluster(cluster or embedded.clusters[0]).mint(who, audience, seconds)


def _expect_somewhere_to_go(out: str | None, *, force: bool, as_json: bool) -> None:
    if out is not None:
        return
    if as_json:
        raise UsageError("A token is never part of --json. None was made.", hint="name a file for it: --out FILE")
    if sys.stdout.isatty() and not force:
        raise UsageError(
            "A terminal keeps what it shows, so no token was printed there.",
            hint="write it to a file: --out FILE; or pipe it; or: --force",
        )


def _workload(text: str) -> Workload:
    namespace, _, account = text.partition("/")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", namespace) or not re.fullmatch(
        r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", account
    ):
        raise UsageError(
            f"{text!r} is no service account. No token was made.",
            subject=text,
            hint="write namespace/name in small letters, digits and dashes: activity-core/llm-connect",
        )
    return Workload(namespace, account)


def _seconds(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,6})([smh])", text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"{text!r} is no time that a token can be good for. None was made.",
            subject=text,
            hint="a number and a unit, at most a day: 90s, 10m, 1h",
        )
    return seconds
