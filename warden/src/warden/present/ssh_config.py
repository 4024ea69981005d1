"""What ssh is configured with: Match blocks (ssh_config(5)), and lines of known_hosts (sshd(8))."""

import shlex
from collections.abc import Sequence
from typing import Any

from warden.core.ssh.client_config import Block, KnownAuthority
from warden.present import terminal

_HEAD = """\
# SSH with certificates of {actors}. Include this file in the first line of ~/.ssh/config.
# For these hosts, and no others, it has a certificate ready; where warden gets none, ssh goes on as configured."""


def config_text(blocks: Sequence[Block]) -> str:
    """The blocks as a file. The last line has whatever may stand behind them be for all hosts again."""
    head = _HEAD.format(actors=", ".join(each.actor for each in blocks))
    return "\n".join([head, *map(_text, blocks), "Match all", ""])


def _text(block: Block) -> str:
    run = shlex.join(block.command).replace("%", "%%")
    lines = [f'Match originalhost {",".join(block.names)} exec "{run}"']
    if block.identity_file:
        lines.append(f"    {identity_option(block.identity_file, ' ')}")
    if block.only:
        lines.append("    IdentitiesOnly yes")
    return "\n".join(lines)


def identity_option(path: str, between: str = "=") -> str:
    """An IdentityFile as ssh_config(5) has it, or behind ``-o``; the path is one that `expect_writable` lets pass."""
    return f'IdentityFile{between}"{path.replace("%", "%%")}"'


def config_json(blocks: Sequence[Block]) -> dict[str, Any]:
    """``blocks[]``, and the ``text`` of the file."""
    return {"blocks": [terminal.plain(each) for each in blocks], "text": config_text(blocks)}


def known_hosts_text(known: KnownAuthority) -> str:
    """A line for each key of the authority; nothing where there are no hosts."""
    return "".join(f"@cert-authority {','.join(known.names)} {key}\n" for key in known.public_keys if known.names)


def show_config(blocks: Sequence[Block]) -> None:
    """On stdout, as a file has it."""
    terminal.text(config_text(blocks))


def show_known_hosts(known: KnownAuthority) -> None:
    """On stdout, as a file has it."""
    terminal.text(known_hosts_text(known))
