"""``warden ssh krl``: publish what is revoked, and put it in place on hosts."""

import re

import click

from warden.cli import wiring_journal, wiring_krl
from warden.cli.clock import now
from warden.cli.options import Duration, json_option
from warden.cli.ssh_revoke import directory_option
from warden.core.errors import Effect, UsageError
from warden.core.remedies import warden
from warden.present import terminal

_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+)):(\d{1,5})", re.ASCII)


@click.group()
def krl() -> None:
    """Publish which certificates are revoked (a KRL, signed), and put it in place on hosts.

    \b
    Examples:
      warden ssh krl build
      warden ssh krl pull https://ops.example/krl
    """


@krl.command(short_help="Build and sign the KRL, and publish it.")
@directory_option
@json_option
@click.pass_context
def build(ctx: click.Context, /, *, directory: str | None, as_json: bool) -> None:
    """Build a KRL of all that is revoked, sign it with the key of platform.yaml (signing), and publish both files.

    Run it on a timer, too: hosts tell by a KRL's age that newer ones do not reach them.

    \b
    Examples:
      warden ssh krl build
      warden ssh krl build --dir /srv/krl --json

    \b
    Exit codes:
      2  platform.yaml names no key that signs
      3  it could not be built or signed; what was published before stays
    """
    from warden.present import krl as present
    from warden.usecases.krl import build as make

    tools = wiring_krl.publisher(ctx, wiring_krl.krl_directory(directory))
    with wiring_krl.publishing():
        made = make(tools)
    if as_json:
        terminal.document(present.published_json(made))
    else:
        present.show_published(made)


@krl.command(short_help="Serve the published KRL over HTTP.")
@directory_option
@click.option(
    "--listen",
    default="127.0.0.1:8622",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="Where to listen; port 0 is any free one.",
)
@json_option
def serve(directory: str | None, listen: str, *, as_json: bool) -> None:
    """Serve /krl and /krl.sig until Ctrl-C or SIGTERM. Any other web server can serve the same two files.

    Both are signed and public. Put a proxy that speaks TLS before it where hosts fetch over a network of others.

    \b
    Examples:
      warden ssh krl serve
      warden ssh krl serve --listen 0.0.0.0:8622 --dir /srv/krl
    """
    from warden.present import krl as present

    found = _LISTEN.fullmatch(listen)
    if found is None:
        raise UsageError(
            f"--listen is not ADDRESS:PORT: {listen[:60]!r}",
            effect=Effect.NOTHING_DONE,
            hint="write --listen 127.0.0.1:8622",
        )
    where = wiring_krl.krl_directory(directory)
    server = wiring_krl.krl_server(where, found[1] or found[2], int(found[3]))
    empty = wiring_krl.krl_folder(where).published() is None
    server.run(lambda: present.show_serving(server.url, where, as_json=as_json, empty=empty))


@krl.command(short_help="Put the published KRL in place on this host.")
@click.argument("url", required=False)
@click.option(
    "--file",
    "path",
    default="/etc/ssh/warden/revoked_keys",
    show_default=True,
    metavar="FILE",
    help="What sshd_config names as RevokedKeys.",
)
@click.option(
    "--signers",
    default="/etc/ssh/warden/krl_signers",
    show_default=True,
    metavar="FILE",
    help="Whose KRLs are believed, as `krl signers` prints it.",
)
@click.option(
    "--max-age", type=Duration(), default="24h", show_default=True, metavar="TIME", help="An older KRL is an error."
)
@click.option(
    "--timeout",
    type=Duration(),
    default="20s",
    show_default=True,
    metavar="TIME",
    help="How long the server may take to answer.",
)
@click.option("--check", is_flag=True, help="Only look at what is in place: ask nobody, change nothing.")
@json_option
def pull(
    url: str | None, path: str, signers: str, max_age: float, timeout: float, *, check: bool, as_json: bool
) -> int:
    """Fetch the KRL at URL and its signature at URL.sig, and put it in place if it is signed, whole and not older.

    sshd reads the file at each login, and refuses every key without it: it is replaced at once or not at all, and the
    last good one is put back where it is lost or damaged.

    \b
    Examples:
      warden ssh krl pull https://ops.example/krl
      warden ssh krl pull --check --max-age 2h

    \b
    Exit codes:
      0  in place, and fresh
      1  what was fetched is refused; what is in place is damaged or too old
      3  no answer, or the file cannot be written; sshd goes on with what it had
    """
    from warden.present import krl as present
    from warden.usecases.krl import look
    from warden.usecases.krl import pull as fetch

    host = wiring_krl.krl_host(path)
    if check:
        done = look(host, wiring_krl.krl_verifier(signers), now, int(max_age))
    else:
        if not url:
            raise UsageError(
                "the URL of the KRL is missing",
                effect=Effect.NOTHING_CHANGED,
                hint="look at what is in place with --check, or name the URL",
                remedy=(warden("ssh krl pull", "URL"),),
            )
        source, verifier = wiring_krl.krl_source(url, timeout), wiring_krl.krl_verifier(signers)
        with wiring_krl.pulling(path):
            done = fetch(host, source, verifier, now, int(max_age))
    if as_json:
        terminal.document(present.pulled_json(done))
    else:
        present.show_pulled(done)
    return int(done.exit)


@krl.command(short_help="Print whose KRLs a host is to believe.")
@json_option
@click.pass_context
def signers(ctx: click.Context, /, *, as_json: bool) -> None:
    """Print the file of allowed signers that hosts check a KRL's signature with: a line for each key that signs.

    \b
    Examples:
      warden ssh krl signers > krl_signers
      warden ssh krl signers --json
    """
    from warden.present import krl as present

    keys = wiring_journal.required_signer(ctx).public_keys()
    if as_json:
        terminal.document(present.signers_json(keys))
    else:
        present.show_signers(keys)
