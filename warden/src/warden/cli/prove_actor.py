"""``warden prove ACTOR``: what an actor's certificates open at a real sshd, and what they do not."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from warden.cli import complete, wiring, wiring_prove_ssh, wiring_ssh
from warden.cli.context import Workspace
from warden.cli.signals import ends_recorded
from warden.core.errors import DoneBefore, Effect, Exit, UsageError, WardenError
from warden.core.inventory.inventory import Inventory, NamedActor, NamedHost, kind_of
from warden.core.remedies import warden
from warden.core.ssh.login_proof import LoginProof
from warden.present import login_proofs, terminal

if TYPE_CHECKING:
    from warden.core.lanes.catalog import LeftOut
    from warden.usecases.steps.proof_certificate import ProofTools

ENTRY = "ssh-certificate"
"""The entry of the catalog that stands for every actor."""
_EXITS = {"proven": Exit.DONE, "inconclusive": Exit.INCONCLUSIVE, "refuted": Exit.NO}
_OF_A_HOST = ("account", "other_account", "log_command", "ssh_config")
_OF_LANES = ("clusters", "custody_only", "certificates", "inspect")


class Chosen(msgspec.Struct, frozen=True):
    """The actors that are to be proven, and the inventory that has them."""

    inventory: Inventory
    actors: tuple[NamedActor, ...]

    @property
    def names(self) -> frozenset[str]:
        """Of the actors."""
        return frozenset(each.name for each in self.actors)


def host_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say at which host an actor is proven, and how that is reached."""
    for option in (
        click.option("--ssh-config", metavar="FILE", help="How ssh reaches the host (ssh_config); default: no file."),
        click.option("--log-command", metavar="CMD", help="Prints what the host's sshd has logged lately."),
        click.option("--other-account", metavar="NAME", help="Where the actor must not log in; default root."),
        click.option("--account", metavar="NAME", help="Where it logs in; default its first principal."),
        click.option(
            "--host",
            metavar="NAME",
            shell_complete=complete.hosts,
            help="Prove an actor at this host of the inventory, over ssh.",
        ),
    ):
        function = option(function)
    return function


def actors_named(ctx: click.Context, name: str | None) -> Chosen | None:
    """The actors that the name stands for; ``None`` where it is not one of the inventory. Raises `UsageError`."""
    from warden.core.ssh.decision import actor

    if name is None or (name != ENTRY and not kind_of(name)):
        return None
    platform = wiring.platform_dir(ctx)
    if name == ENTRY:
        found = everybody(platform)
        return found if found.actors else None
    inventory = wiring_ssh.inventory(platform)
    if name not in inventory.actors and wiring.has_file(platform, name):
        return None
    return Chosen(inventory, (actor(inventory, name),))


def everybody(platform: str) -> Chosen:
    """Every actor, by name."""
    inventory = wiring_ssh.inventory(platform)
    return Chosen(inventory, inventory.named_actors)


class Everybody(NamedTuple):
    """The proofs of every actor; the inventory where its errors left all out; and what ended the rest."""

    found: list[LoginProof]
    left_out: "tuple[LeftOut, ...]"
    stopped: WardenError | None = None


def of_everybody(workspace: Workspace, options: Mapping[str, Any]) -> Everybody:
    """Prove every actor. What keeps that from being done is said behind the proofs of the lanes, which were made."""
    from warden.cli.chosen import unusable

    found: list[LoginProof] = []
    left_out = unusable(workspace.inventory)
    try:
        if not left_out:
            prove_each(workspace, everybody(workspace.platform), options, found)
    except WardenError as fault:
        terminal.progress_done()
        fault.effect = DoneBefore()
        return Everybody(found, left_out, fault)
    return Everybody(found, left_out)


def expect_no_host(options: Mapping[str, Any]) -> None:
    """Raises `UsageError` where a lane is to be proven at a host."""
    if named := next((each for each in ("host", *_OF_A_HOST) if options[each]), None):
        raise UsageError(
            f"--{named.replace('_', '-')} is for an actor of the inventory",
            effect=Effect.NOTHING_ASKED,
            remedy=(warden("inventory list"),),
        )


def prove_named(
    workspace: Workspace, chosen: Chosen, options: Mapping[str, Any], *, as_json: bool, single: bool
) -> int:
    """Prove the actors and print it; answers the exit code."""
    from warden.core.plans.lane_plan import worst

    _expect_fit(options)
    found: list[LoginProof] = []
    if options["host"]:
        _prove_each_at(workspace, chosen, options, found)
    else:
        prove_each(workspace, chosen, options, found)
    if as_json:
        shown = [login_proofs.proof_json(each) for each in found]
        terminal.document(shown[0] if single else shown)
    else:
        show(found, brief=not single)
    return int(worst(exits(found)))


def prove_each(workspace: Workspace, chosen: Chosen, options: Mapping[str, Any], found: list[LoginProof]) -> None:
    """Add the proof of each to `found`, so that what was proven is known where the next one cannot be."""
    from warden.usecases.prove_actor import prove_actor
    from warden.usecases.steps.ways import WaysIn

    if not chosen.actors:
        return
    shared, ways = _shared(workspace, chosen.inventory), WaysIn(workspace.reading_context)
    signs = chosen.inventory.authorities.users.openbao  # another authority asks OpenBao nothing that could be looked up
    audit = workspace.audit(options["files"], options["audit_command"]) if signs else None
    for each in chosen.actors:
        terminal.progress(f"logging in as {each.name} at a throw-away sshd …")
        with ends_recorded(), wiring_prove_ssh.actor_prover(shared, audit, ways) as tools:
            found.append(prove_actor(each, chosen.inventory, f"wp-{secrets.token_hex(6)}", tools))
    terminal.progress_done()


def _prove_each_at(workspace: Workspace, chosen: Chosen, options: Mapping[str, Any], found: list[LoginProof]) -> None:
    """The same at a host that is in use."""
    from warden.core.ssh.decision import host
    from warden.usecases.prove_actor_at import prove_actor_at

    named = host(chosen.inventory, options["host"])
    shared = _shared(workspace, chosen.inventory)
    for each in chosen.actors:
        where = _place(each, named, options)
        terminal.progress(f"logging in as {each.name} at {where['host']} …")
        with ends_recorded(), wiring_prove_ssh.host_prover(shared, **where) as tools:
            found.append(prove_actor_at(each, chosen.inventory, f"wp-{secrets.token_hex(6)}", tools))
    terminal.progress_done()


def _shared(workspace: Workspace, inventory: Inventory) -> "ProofTools":
    identities = wiring.identities(workspace.address, workspace.clusters.by_mount())
    return wiring_prove_ssh.proof_tools(inventory, wiring_ssh.tools(workspace.platform), identities, workspace.context)


def _place(actor: NamedActor, host: NamedHost, options: Mapping[str, Any]) -> dict[str, str]:
    """The host and the accounts, with what the options leave out."""
    account = options["account"] or actor.principals[0]
    other = options["other_account"] or ("root" if account != "root" else "nobody")
    return {
        "host": host.principals[0],
        "account": account,
        "other_account": other,
        "log_command": options["log_command"] or "",
        "ssh_config": options["ssh_config"] or "",
    }


def show(found: Sequence[LoginProof], *, brief: bool) -> None:
    """As text."""
    for each in found:
        login_proofs.show(each, brief=brief)
    login_proofs.show_tally(found)


def exits(found: Sequence[LoginProof], *, every: bool = False) -> list[Exit]:
    """The exit code of each; of everybody, one that lacks nothing but what its person can show does not fail."""
    return [Exit.DONE if every and each.lacks_person_only else _EXITS[each.state] for each in found]


def _expect_fit(options: Mapping[str, Any]) -> None:
    if named := next((each for each in _OF_LANES if options[each]), None):
        word = {"clusters": "cluster", "certificates": "certificate"}.get(named, named)
        raise UsageError(f"--{word.replace('_', '-')} is for lanes, not for an actor", effect=Effect.NOTHING_ASKED)
    if not options["host"] and (named := next((each for each in _OF_A_HOST if options[each]), None)):
        raise UsageError(f"--{named.replace('_', '-')} needs --host NAME", effect=Effect.NOTHING_ASKED)
