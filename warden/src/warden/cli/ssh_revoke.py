"""``warden ssh revoke``: have hosts refuse certificates before they expire."""

import sys
from typing import TYPE_CHECKING

import click

from warden.cli import complete, issuing, wiring, wiring_keys, wiring_krl, wiring_ssh
from warden.cli.options import json_option, reason_option, yes_option
from warden.cli.reason import required_reason
from warden.cli.since import past_moment
from warden.core.errors import Effect, UsageError
from warden.core.ssh.krl import FINGERPRINT, LARGEST_SERIAL
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.ssh.revocation import Selection
    from warden.usecases.revoke import Plan

directory_option = click.option(
    "--dir",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Where the KRL is published. Default: krl in warden's state directory.",
)
_WHERE_IT_IS = "sshd logs it: SHA256:…"


@click.command()
@click.option(
    "--serial",
    "serials",
    multiple=True,
    type=click.IntRange(1, LARGEST_SERIAL),
    metavar="NUMBER",
    help="A certificate by its serial, as sshd logs it. Repeatable.",
)
@click.option(
    "--ca", metavar="FINGERPRINT", default="", help="The CA that signed those serials (SHA256:…), where several have."
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="FILE|FINGERPRINT",
    help="A public key, for good and in every certificate; a CA's key: all that it signed. Repeatable.",
)
@click.option(
    "--actor",
    default="",
    metavar="NAME",
    shell_complete=complete.actors_and_hosts,
    help="Everything that was issued to this actor or host.",
)
@click.option(
    "--since", metavar="TIME", help="What was issued since then: 2026-11-30T08:00Z, or 36h (ago); with --actor, to it."
)
@reason_option
@directory_option
@yes_option
@json_option
@click.pass_context
def revoke(
    ctx: click.Context,
    /,
    *,
    serials: tuple[int, ...],
    ca: str,
    keys: tuple[str, ...],
    actor: str,
    since: str | None,
    reason: str,
    directory: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Have hosts refuse certificates, and publish a KRL (key revocation list) that says so.

    The issue log knows which certificates are out there. Hosts refuse them from their next `krl pull` on. New ones
    can still be signed: to end that, remove the actor's identities from inventory.yaml and apply it.

    \b
    Examples:
      warden ssh revoke --actor agt-triage --reason "laptop stolen"
      warden ssh revoke --serial 4711 --reason "INC-204" --yes
      warden ssh revoke --key SHA256:… --reason "key leaked" --yes

    \b
    Exit codes:
      1  the issue log has nothing of that actor that may still be valid
      2  several CAs signed that serial, or platform.yaml names no key that signs
      3  revoked in the journal, but no KRL was published
    """
    from warden.present import revoke as present
    from warden.usecases.revoke import planned
    from warden.usecases.revoke import revoke as carry_out

    why = required_reason(reason)
    chosen = _selection(serials, ca, keys, actor, since)
    tools = wiring_krl.publisher(ctx, wiring_krl.krl_directory(directory))
    platform = wiring.platform_dir(ctx)
    authorities = wiring_krl.known_authorities(platform, tools.journal)
    plan = planned(chosen, why, authorities, tools.journal, tools.clock)
    if not as_json:
        present.show_plan(plan)
    _confirm(plan, yes=yes)
    with wiring_krl.publishing():
        done = carry_out(plan, tools, wiring_keys.kept(platform, issuing.environment()))
    (present.document if as_json else present.show)(done)


def _selection(serials: tuple[int, ...], ca: str, keys: tuple[str, ...], actor: str, since: str | None) -> "Selection":
    """What the options mean. Raises `UsageError` where they mean nothing."""
    from warden.core.ssh.revocation import Selection

    if not (serials or keys or actor or since):
        raise UsageError(
            "nothing to revoke is named",
            effect=Effect.NOTHING_DONE,
            hint="name it with --serial, --key, --actor or --since",
        )
    if (serials or keys) and (actor or since):
        raise UsageError("--serial and --key cannot be used with --actor and --since", effect=Effect.NOTHING_DONE)
    if ca and not FINGERPRINT.fullmatch(ca):
        raise UsageError(f"--ca is not a fingerprint: {ca[:60]!r}", effect=Effect.NOTHING_DONE, hint=_WHERE_IT_IS)
    return Selection(
        serials=tuple(dict.fromkeys(serials)),
        authority=ca,
        keys=tuple(dict.fromkeys(map(_fingerprint, keys))),
        actor=actor,
        since=past_moment(since, Effect.NOTHING_DONE).timestamp() if since else None,
    )


def _fingerprint(named: str) -> str:
    """The fingerprint of a key that is named by it, or by its file. Raises `UsageError`."""
    if FINGERPRINT.fullmatch(named):
        return named
    if named.startswith("SHA256:"):
        raise UsageError(f"--key is not a fingerprint: {named[:60]!r}", effect=Effect.NOTHING_DONE, hint=_WHERE_IT_IS)
    try:
        line = wiring_ssh.read_public_key(named).decode("utf-8", "replace")
        return wiring_ssh.certificates().fingerprint(line)
    except UsageError as fault:
        fault.effect = Effect.NOTHING_DONE  # what reads keys speaks of signing
        raise


def _confirm(plan: "Plan", *, yes: bool) -> None:
    """A terminal is asked; anything else has to say ``--yes``. Nothing new needs no answer: it is only published."""
    from warden.present import revoke as present

    if yes or not plan.revocations:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"this would revoke {present.amount(plan)}", effect=Effect.NOTHING_DONE, hint="add --yes to confirm"
        )
    if not click.confirm(terminal.question(f"Revoke {present.amount(plan)}?"), err=True):
        raise UsageError("the answer was no", effect=Effect.NOTHING_DONE)
