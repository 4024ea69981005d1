"""``warden inventory``: the actors that may have SSH certificates."""

from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring, wiring_ssh
from warden.cli.options import Duration, json_option
from warden.core.errors import Effect, UsageError
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.inventory.inventory import ActorIdentity


@click.group()
def inventory() -> None:
    """List and add the actors that may have SSH certificates, as inventory.yaml declares them.

    \b
    Examples:
      warden inventory list
      warden inventory add adm-ada --person ada --login netkingdom --host web
    """


@inventory.command(name="list", short_help="List the actors, what their certificates permit, and the hosts.")
@json_option
@click.pass_context
def list_actors(ctx: click.Context, /, as_json: bool) -> None:
    """List the actors and the hosts, with the defaults that the file leaves out.

    \b
    Examples:
      warden inventory list
      warden inventory list --json | jq -r '.actors[].name'
    """
    from warden.present import inventory as present

    found = wiring_ssh.inventory(wiring.platform_dir(ctx))
    if as_json:
        terminal.document(present.as_json(found))
    else:
        present.show(found)


@inventory.command(name="add", short_help="Add an actor to inventory.yaml.")
@click.argument("name")
@click.option("--person", metavar="NAME", help="One person of a login mount may sign for it; with --login.")
@click.option("--login", metavar="MOUNT", help="The login mount of --person.")
@click.option("--workload", metavar="NAMESPACE/NAME", help="A service account of Kubernetes may sign for it.")
@click.option("--mount", metavar="MOUNT", help="The auth mount of --workload; default kubernetes.")
@click.option(
    "--principal",
    "principals",
    multiple=True,
    metavar="NAME",
    help="What its certificates name; default: its own name. Repeatable.",
)
@click.option("--ttl", type=Duration(), metavar="TIME", help="How long its certificates are valid (90s, 15m, 8h).")
@click.option(
    "--source-address", "addresses", multiple=True, metavar="CIDR", help="Hosts accept it only from there. Repeatable."
)
@click.option("--force-command", metavar="COMMAND", help="The only command that it can run on a host.")
@click.option(
    "--extension",
    "extensions",
    multiple=True,
    metavar="NAME",
    help="What it may use, permit-pty for example. Repeatable.",
)
@click.option("--public-key", "keys", multiple=True, metavar="FILE", help="Sign only this public key. Repeatable.")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="HOST|GROUP",
    shell_complete=complete.hosts_and_groups,
    help="Where it may log in. Repeatable.",
)
@click.option("--description", default="", metavar="TEXT", help="What the actor is for.")
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    /,
    *,
    name: str,
    person: str | None,
    login: str | None,
    workload: str | None,
    mount: str | None,
    principals: tuple[str, ...],
    ttl: float | None,
    addresses: tuple[str, ...],
    force_command: str | None,
    extensions: tuple[str, ...],
    keys: tuple[str, ...],
    hosts: tuple[str, ...],
    description: str,
    as_json: bool,
) -> None:
    """Add an actor to inventory.yaml, and create the file if it does not exist. The rest of it stays as it is.

    \b
    Examples:
      warden inventory add adm-ada --person ada --login netkingdom --host web
      warden inventory add agt-ci --workload ci/run --source-address 10.0.0.0/8
    """
    from warden.core.inventory.inventory import Actor
    from warden.core.lanes.readers import Seconds
    from warden.present import inventory as present

    actor = Actor(
        description=description,
        identities=_identities(person, login, workload, mount),
        principals=principals or None,
        ttl=None if ttl is None else Seconds(int(ttl)),
        source_addresses=addresses,
        force_command=force_command,
        extensions=extensions or None,
        public_keys=tuple(map(wiring_ssh.public_key_line, keys)),
        hosts=hosts,
    )
    file = wiring_ssh.add_actor(wiring.platform_dir(ctx), name, actor)
    if as_json:
        terminal.document({"actor": name, "file": file})
    else:
        present.show_added(name, file)


def _identities(
    person: str | None, login: str | None, workload: str | None, mount: str | None
) -> "tuple[ActorIdentity, ...]":
    from warden.core.inventory.inventory import PersonIdentity
    from warden.core.lanes.lane import Workload, WorkloadReader

    if bool(person) != bool(login):
        raise UsageError("--person and --login need each other", effect=Effect.NOTHING_CHANGED)
    if mount and not workload:
        raise UsageError("--mount needs --workload", effect=Effect.NOTHING_CHANGED)
    found: list[ActorIdentity] = []
    if person and login:
        found.append(PersonIdentity(person=person, login=login))
    if workload:
        namespace, _, account = workload.partition("/")
        found.append(WorkloadReader(workload=Workload(namespace, account), mount=mount or "kubernetes"))
    return tuple(found)
