"""``warden help TOPIC``: what is worth knowing beside the commands."""

import click

from warden.core.errors import EXIT_MEANING
from warden.present import terminal

ENVIRONMENT = (
    ("BAO_ADDR, VAULT_ADDR", "the OpenBao server, https://host:8200; plain http for loopback only"),
    ("BAO_TOKEN, VAULT_TOKEN", "the caller's token; else the token file of `bao login`, or its token helper"),
    ("BAO_NAMESPACE", "the namespace (VAULT_… of this and all below is read too)"),
    ("BAO_CACERT, BAO_CAPATH", "authorities to verify the server with; verification cannot be switched off"),
    ("BAO_CLIENT_CERT, BAO_CLIENT_KEY", "a client certificate"),
    ("BAO_TLS_SERVER_NAME", "the name that the server's certificate has to have"),
    ("BAO_CLIENT_TIMEOUT", "seconds to wait for an answer, 45 or 45s; 20 where it is not set"),
    ("WARDEN_PLATFORM", "the platform directory; --platform comes first"),
    ("WARDEN_STATE", "journal, locks and embedded platform; else $XDG_STATE_HOME/warden"),
    ("WARDEN_JOURNAL", "the journal's file; else journal.db in the state directory"),
    ("WARDEN_AUDIT", "where `prove` and `adopt` read OpenBao's audit lines: files or directories, separated by :"),
    ("KUBECONFIG", "the kubeconfigs with the contexts that clusters.yaml names; else ~/.kube/config"),
    ("WARDEN_SA_TOKEN_FILE", "a service-account token to log in with; --token-file comes first"),
    ("NO_COLOR", "no colour, whatever its value"),
)
"""What warden reads from its environment, and what it is for."""

TOPICS: dict[str, tuple[tuple[str, str], list[tuple[int | str, str]]]] = {
    "exit-codes": (("code", "meaning"), [(int(code), text) for code, text in EXIT_MEANING.items()]),
    "environment": (("variables", "meaning"), list(ENVIRONMENT)),
}


@click.command("help")
@click.argument("topic", type=click.Choice(list(TOPICS)), default="exit-codes")
@click.option("--json", "as_json", is_flag=True, help="The topic as JSON.")
def help(topic: str, as_json: bool) -> None:  # noqa: A001 - the command's name
    """Explain a topic: exit codes, or the environment variables that are read.

    \b
    Examples:
      warden help exit-codes
      warden help environment --json
    """
    names, rows = TOPICS[topic]
    if as_json:
        return terminal.document([dict(zip(names, row, strict=True)) for row in rows])
    return terminal.table([name.upper() for name in names], [[str(cell) for cell in row] for row in rows])
