"""``warden ssh host``: certificates of hosts."""

import functools
import os
from collections.abc import Sequence

import click

from warden.cli import complete, wiring, wiring_ssh
from warden.cli.options import json_option, ttl_option, why_option
from warden.cli.signing import certificate_out_option, request, sign_and_show
from warden.core.errors import Effect, UsageError
from warden.core.ssh.kept import certificate_beside


@click.group()
def host() -> None:
    """Certificates of hosts, so that nobody has to confirm a fingerprint.

    \b
    Examples:
      warden ssh host sign coulombcore --pubkey /etc/ssh/ssh_host_ed25519_key.pub
    """


@host.command(short_help="Sign a host's public keys.")
@click.argument("name", metavar="HOST", shell_complete=complete.hosts)
@click.option(
    "--pubkey",
    "pubkeys",
    required=True,
    multiple=True,
    metavar="FILE|-",
    help="The public key; - is standard input. Repeatable: each certificate is then written beside its key.",
)
@certificate_out_option
@ttl_option
@why_option
@json_option
@click.pass_context
def sign(
    ctx: click.Context,
    /,
    *,
    name: str,
    pubkeys: tuple[str, ...],
    out: str | None,
    ttl: float | None,
    reason: str,
    as_json: bool,
) -> None:
    """Sign the public key of a host of the inventory for the names that it has there; one line on stdout.

    Of several keys all are signed, or none: the certificate of KEY.pub goes to KEY-cert.pub.

    \b
    Examples:
      warden ssh host sign coulombcore --pubkey host_key.pub
      ssh coulombcore cat /etc/ssh/ssh_host_ed25519_key.pub |
        warden ssh host sign coulombcore --pubkey - --out host-cert.pub
      warden ssh host sign coulombcore --pubkey ed25519.pub --pubkey rsa.pub
    """
    from warden.core.ssh.ca import expect_authority
    from warden.core.ssh.decision import host as named
    from warden.usecases.sign import sign_all

    files = _files(pubkeys, out)
    platform = wiring.platform_dir(ctx)
    inventory = wiring_ssh.inventory(platform)
    subject = named(inventory, name)
    asks = [
        request(subject, key, file, ttl, reason, key_file=key if len(pubkeys) > 1 else "")
        for key, file in zip(pubkeys, files or [""], strict=True)
    ]
    authority = wiring_ssh.authority(expect_authority("hosts", inventory, Effect.NOTHING_DONE))
    tools = wiring_ssh.tools(platform)
    signs = functools.partial(sign_all, asks, caller=wiring.caller(None), authority=authority, tools=tools)
    sign_and_show(signs, files, tools.journal, as_json=as_json)


def _files(pubkeys: Sequence[str], out: str | None) -> list[str]:
    """Where the certificates go to: none is stdout. Raises `UsageError` where several cannot go beside their keys."""
    if len(pubkeys) == 1:
        return [out] if out else []
    files = [certificate_beside(each) for each in pubkeys]
    if out:
        problem, hint = "--out names one file, and several keys are given", "leave it out"
    elif "-" in pubkeys:
        problem, hint = "standard input has no place for a certificate beside it", "sign that key by itself"
    elif len(set(map(os.path.realpath, files))) < len(files):
        problem, hint = "two of the keys have the same file for their certificate", "name each key once"
    else:
        return files
    raise UsageError(problem, effect=Effect.NOTHING_SIGNED, subject="--pubkey", hint=hint)
