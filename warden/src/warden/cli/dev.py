"""``warden dev``: an embedded OpenBao of your own, on which to play each persona of a platform."""

import re
import sys

import click

from warden.cli import complete, wiring, wiring_journal
from warden.core.errors import Effect, Exit, UsageError
from warden.core.lanes.lane import Workload
from warden.core.remedies import OneOf, warden
from warden.core.secret import Secret
from warden.present import dev as present
from warden.present import terminal

_UNITS = {"s": 1, "m": 60, "h": 3600}
_LONGEST = 24 * 3600
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
json_flag = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


@click.group()
def dev() -> None:
    """Run an embedded OpenBao of your own: persistent, audited, with the personas of a platform to play.

    With --cluster, a Kubernetes control plane and External Secrets Operator run beside it.

    \b
    Examples:
      warden dev up
      warden dev up --cluster
      eval "$(warden dev env --as platform)"
    """


@dev.command(short_help="Start the embedded platform.")
@click.option(
    "--cluster",
    "clusters",
    is_flag=False,
    flag_value="coulombcore",
    default="",
    metavar="[NAME[,NAME…]]",
    shell_complete=complete.clusters,
    help="With these clusters too, which it remembers; without a name: coulombcore.",
)
@json_flag
def up(clusters: str, as_json: bool) -> None:
    """Start the embedded platform if it is not running; earlier data is kept.

    A cluster is a real etcd, kube-apiserver, kube-controller-manager and External Secrets Operator without a kubelet:
    no pod runs. Their programs are built once, with Go, which takes minutes.

    \b
    Examples:
      warden dev up
      warden dev up --cluster coulombcore,railiance01

    \b
    Exit codes:
      1  --cluster needs Go, which is not installed
      3  a process did not start
      5  another `warden dev` is still working
    """
    embedded = wiring.embedded()
    names = [name.strip() for name in clusters.split(",") if name.strip()]
    status, started = embedded.up(present.show_stage, names, present.ticking())
    terminal.progress_done()
    if as_json:
        terminal.document(present.as_json(status, present.clusters_of(embedded)))
    else:
        present.show_up(status, present.clusters_of(embedded), started=started)


@dev.command(short_help="Show whether it is up, and where.")
@json_flag
def status(as_json: bool) -> Exit:
    """Show whether the embedded platform is up, where, how much it holds, and each process of its clusters.

    \b
    Examples:
      warden dev status
      warden dev status --json

    \b
    Exit codes:
      1  it is down, or a process of a cluster does not answer
    """
    embedded = wiring.embedded()
    found, clusters = embedded.status(), present.clusters_of(embedded)
    whole = found.up and all(part["answers"] for cluster in clusters for part in cluster["parts"])
    if as_json:
        terminal.document(present.as_json(found, clusters))
    else:
        present.show_status(found, clusters, whole=whole)
    return Exit.DONE if whole else Exit.NO


@dev.command()
@click.option("--wipe", is_flag=True, help="Also remove its data: secrets, audit log, keys.")
@click.option("--yes", is_flag=True, help="Do not ask before wiping.")
@json_flag
def down(wipe: bool, yes: bool, as_json: bool) -> None:
    """Stop the embedded platform; with --wipe, also remove its data. The journal is kept.

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
        terminal.document({"stopped": done and not wipe, "wiped": done and wipe})
    elif wipe:
        present.show_wiped(embedded.layout.root, wiring_journal.journal_file(), wiped=done)
    else:
        present.show_down(stopped=done)


def _expect_consent(directory: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"this would remove {directory} with its secrets and their audit log, and stdin is not a terminal",
            effect=Effect.NOTHING_REMOVED,
            system="embedded platform",
            subject=directory,
            hint="to confirm",
            remedy=(warden("dev down", wipe=True, yes=True),),
        )
    terminal.note(f"This removes {directory}: every secret in it, its audit log, its keys. The journal is kept.")
    if click.prompt("Type wipe to continue", default="", show_default=False, err=True) != "wipe":
        raise UsageError("the answer was not: wipe", effect=Effect.NOTHING_REMOVED)


@dev.command(short_help="Print shell lines that point warden and bao at it.")
@click.option(
    "--as",
    "persona",
    default="platform",
    metavar="PERSONA",
    shell_complete=complete.personas,
    help="admin, platform, developer or person:NAME.",
)
@click.option("--shell", type=click.Choice(["sh", "fish"]), default="sh", help="The syntax (sh: also bash and zsh).")
@json_flag
def env(persona: str, shell: str, as_json: bool) -> None:
    """Print shell lines that point warden and bao at the embedded platform as PERSONA, without the token.

    \b
    Examples:
      eval "$(warden dev env)"
      warden dev env --as person:ada --shell fish | source
    """
    embedded = wiring.embedded()
    token_file = embedded.personas.token_file(_file_name(persona))
    status = embedded.status()
    shown = {"BAO_ADDR": status.address, "WARDEN_AUDIT": status.audit_file}
    shown |= {"BAO_CACERT": status.ca_file, "KUBECONFIG": status.kubeconfig} if status.kubeconfig else {}
    if as_json:
        terminal.document({**shown, "token_file": token_file, "as": persona})
    else:
        present.show_env(shown, token_file, shell)


@dev.command(short_help="Log in as a persona and keep the token.")
@click.argument("persona", shell_complete=complete.personas)
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="A group of person:NAME; may be repeated.")
@click.option("--role", metavar="ROLE", help="The role at auth/netkingdom that person:NAME logs in with.")
@json_flag
def login(persona: str, groups: tuple[str, ...], role: str | None, as_json: bool) -> None:
    """Log in as PERSONA (admin, platform, developer, person:NAME) and keep the token in the state directory.

    \b
    Examples:
      warden dev login platform
      warden dev login person:ada --group npm-publishers \\
        --role whynot-design-workload-kv-read
    """
    personas = wiring.embedded().personas
    kind, _, name = persona.partition(":")
    if kind == "person" and not role:
        raise UsageError(
            "a person logs in with a role, and --role is missing",
            effect=Effect.NOTHING_DONE,
            subject=persona,
            hint="with a role of a lane's plan",
            remedy=(warden("dev login", persona, group="GROUP", role="ROLE"),),
        )
    path = personas.login_person(name, groups, role) if kind == "person" and role else personas.login(persona)
    if as_json:
        terminal.document({"as": persona, "token_file": path})
    else:
        present.show_login(persona, path)


def _file_name(persona: str) -> str:
    kind, mark, name = persona.partition(":")
    return f"person-{name}" if mark and kind == "person" else persona


@dev.command(short_help="Create a service account token.")
@click.argument("workload", metavar="NAMESPACE/ACCOUNT")
@click.option("--audience", default="openbao", show_default=True, help="Whom the token is for.")
@click.option("--ttl", default="10m", show_default=True, help="How long it is valid: 90s, 10m, 1h.")
@click.option(
    "--cluster",
    metavar="NAME",
    shell_complete=complete.clusters,
    help="The cluster that issues it; default the first one, if there are any.",
)
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Write it to FILE, mode 0600.")
@click.option("--force", is_flag=True, help="Print it even to a terminal.")
@json_flag
def token(
    *, workload: str, audience: str, ttl: str, cluster: str | None, out: str | None, force: bool, as_json: bool
) -> None:
    """Create a service account token as a cluster would, to play a workload with.

    \b
    Examples:
      warden dev token activity-core/llm-connect --out /tmp/llm-connect.jwt
      warden dev token activity-core/llm-connect --cluster railiance01 | wc -c
    """
    _expect_destination(out, force=force, as_json=as_json)
    who, seconds = _workload(workload), _seconds(ttl)
    minted = _mint(who, audience, seconds, cluster)
    if out is None:
        return terminal.value(minted)
    wiring.write_private(out, minted.reveal())
    if as_json:
        return terminal.document({"file": out, "subject": who.subject, "audience": audience, "ttl": seconds})
    return present.show_token(str(who), audience, ttl, out)


def _mint(who: Workload, audience: str, seconds: int, cluster: str | None) -> Secret:
    embedded = wiring.embedded()
    if cluster is None and not embedded.clusters:
        return embedded.issuer.mint(who, audience, seconds)
    return embedded.cluster(cluster or embedded.clusters[0]).mint(who, audience, seconds)


def _expect_destination(out: str | None, *, force: bool, as_json: bool) -> None:
    to_file = warden("dev token", "NAMESPACE/ACCOUNT", out="FILE")
    if out is not None:
        return
    if as_json:
        raise UsageError("a token is never part of --json", effect=Effect.NOTHING_CREATED, remedy=(to_file,))
    if sys.stdout.isatty() and not force:
        raise UsageError(
            "stdout is a terminal, which keeps what it shows",
            effect=Effect.NOTHING_PRINTED,
            remedy=(OneOf((to_file, warden("dev token", "NAMESPACE/ACCOUNT", force=True))),),
        )


def _workload(text: str) -> Workload:
    namespace, _, account = text.partition("/")
    if not _NAME.fullmatch(namespace) or not _NAME.fullmatch(account):
        raise UsageError(
            f"{text!r} is not a service account",
            effect=Effect.NOTHING_CREATED,
            subject=text,
            hint="write namespace/name in lower-case letters, digits and dashes: activity-core/llm-connect",
        )
    return Workload(namespace, account)


def _seconds(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,6})([smh])", text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"{text!r} is not a valid time to live",
            effect=Effect.NOTHING_CREATED,
            subject=text,
            hint="a number and a unit, at most a day: 90s, 10m, 1h",
        )
    return seconds
