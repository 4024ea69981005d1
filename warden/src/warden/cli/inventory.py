"""``warden inventory``: the actors that may have SSH certificates, and the hosts."""

from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring, wiring_ssh
from warden.cli.options import json_option
from warden.core.errors import Effect, UsageError
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal


@click.group()
def inventory() -> None:
    """List and add actors and hosts of SSH certificates, as inventory.yaml declares them.

    \b
    Examples:
      warden inventory list
      warden inventory add-host web --name web.example.com
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


description_option = click.option("--description", metavar="TEXT", help="What it is for.")
keys_option = click.option(
    "--public-key", "keys", multiple=True, metavar="FILE", help="Sign only this public key. Repeatable."
)
ttl_option = click.option("--ttl", metavar="TIME", help="How long its certificates are valid (90s, 15m, 8h, 30d).")


@inventory.command(name="add", short_help="Add an actor to inventory.yaml.")
@click.argument("name")
@click.option("--person", metavar="NAME", help="One person of a login mount may sign for it; with --login.")
@click.option("--login", metavar="MOUNT", help="The login mount of --person.")
@click.option("--workload", metavar="NAMESPACE/NAME", help="A service account of Kubernetes may sign for it.")
@click.option("--mount", metavar="MOUNT", help="The auth mount of --workload; default kubernetes.")
@click.option(
    "--identity",
    "identities",
    multiple=True,
    metavar="'KEY: VALUE, …'",
    help="Anybody else who may sign for it, as inventory.yaml has it. Repeatable.",
)
@click.option(
    "--principal",
    "principals",
    multiple=True,
    metavar="NAME",
    help="What its certificates name; default: its own name. Repeatable.",
)
@ttl_option
@click.option(
    "--source-address", "addresses", multiple=True, metavar="CIDR", help="Hosts accept it only from there. Repeatable."
)
@click.option("--force-command", metavar="COMMAND", help="The only command that it can run on a host.")
@click.option(
    "--extension",
    "extensions",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.extensions,
    help="What it may use, permit-pty for example. Repeatable.",
)
@keys_option
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="HOST|GROUP",
    shell_complete=complete.hosts_and_groups,
    help="Where it may log in. Repeatable.",
)
@description_option
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
    identities: tuple[str, ...],
    principals: tuple[str, ...],
    ttl: str | None,
    addresses: tuple[str, ...],
    force_command: str | None,
    extensions: tuple[str, ...],
    keys: tuple[str, ...],
    hosts: tuple[str, ...],
    description: str | None,
    as_json: bool,
) -> None:
    """Add an actor to inventory.yaml, and create the file if it does not exist. The rest of it stays as it is.

    \b
    Identities are those who may have certificates signed for it:
      --person ada --login netkingdom         one person of a login mount
      --workload ci/run                       a service account of Kubernetes
      --identity 'approle: backup'            a machine with an AppRole
      --identity 'github: acme/deploy, branch: main'
      --identity 'gitlab: acme/deploy, branch: main'
      --identity 'certificate: backup.example.com, ca: ca.pem'
      --identity 'people: operators, login: netkingdom'

    \b
    Examples:
      warden inventory add adm-ada --person ada --login netkingdom --host web
      warden inventory add adm-ops --identity 'approle: ops' --ttl 1h --host web
    """
    entry = {
        "description": description,
        "identities": _identities(person, login, workload, mount, identities),
        "principals": principals,
        "ttl": ttl,
        "source_addresses": addresses,
        "force_command": force_command,
        "extensions": extensions,
        "public_keys": tuple(map(wiring_ssh.public_key_line, keys)),
        "hosts": hosts,
    }
    _add(ctx, "actor", name, entry, as_json=as_json)


@inventory.command(name="add-host", short_help="Add a host to inventory.yaml.")
@click.argument("name")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="What people write behind ssh; default: its own name. Repeatable.",
)
@keys_option
@ttl_option
@json_option
@click.pass_context
def add_host(
    ctx: click.Context,
    /,
    *,
    name: str,
    names: tuple[str, ...],
    keys: tuple[str, ...],
    ttl: str | None,
    as_json: bool,
) -> None:
    """Add a host to inventory.yaml, and create the file if it does not exist. The rest of it stays as it is.

    \b
    Examples:
      warden inventory add-host web
      warden inventory add-host db --name db.example.com --public-key host_key.pub
    """
    entry = {"names": names, "public_keys": tuple(map(wiring_ssh.public_key_line, keys)), "ttl": ttl}
    _add(ctx, "host", name, entry, as_json=as_json)


def _add(
    ctx: click.Context, what: 'Literal["actor", "host"]', name: str, entry: "Mapping[str, object]", *, as_json: bool
) -> None:
    """With what was given of it: the file's own rules judge all of that at once."""
    from warden.present import inventory as present

    given = {key: list(value) if isinstance(value, tuple) else value for key, value in entry.items() if value}
    file = wiring_ssh.add_to_inventory(wiring.platform_dir(ctx), what, name, given)
    if as_json:
        terminal.document({what: name, "file": file})
    else:
        present.show_added(name, file, for_nobody=what == "actor" and not given.get("identities"))


def _identities(
    person: str | None, login: str | None, workload: str | None, mount: str | None, others: tuple[str, ...]
) -> tuple[dict[str, object], ...]:
    """Each as the file has it. Raises `UsageError` with all that no file could say."""
    found = [(each, wiring_ssh.as_entry(each)) for each in others]
    faults = ["--person and --login need each other"] if bool(person) != bool(login) else []
    faults += ["--mount needs --workload"] if mount and not workload else []
    faults += [f"--identity {each[:60]!r} is not KEY: VALUE, …" for each, entry in found if entry is None]
    if faults:
        raise UsageError("; ".join(faults), effect=Effect.NOTHING_CHANGED)
    options: tuple[dict[str, object], ...] = (
        {"person": person, "login": login},
        {"workload": workload, "mount": mount},
    )
    given: list[dict[str, object]] = [{key: value for key, value in each.items() if value} for each in options]
    return tuple(each for each in (*given, *(entry for _, entry in found)) if each)
