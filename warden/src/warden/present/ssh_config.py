"""What ssh is configured with: Match blocks (ssh_config(5)), and lines of known_hosts (sshd(8))."""

import shlex
from collections.abc import Sequence
from typing import Any

from warden.core.ssh.client_config import Block, KnownAuthority
from warden.present import terminal

_HEAD = """\
# SSH with certificates of {actors}. Put this file's name behind Include in ~/.ssh/config.
# It is for these hosts only, adds to what is configured for them, and is skipped where warden gets no certificate."""


def config_text(blocks: Sequence[Block]) -> str:
    """The blocks as a file. The last line has whatever may stand behind them be for all hosts again."""
    head = _HEAD.format(actors=", ".join(each.actor for each in blocks))
    return "\n".join([head, *map(_text, blocks), "Match all", ""])


def _text(block: Block) -> str:
    run = shlex.join(block.command).replace("%", "%%")
    lines = [
        f'Match originalhost {",".join(block.names)} exec "{run}"',
        _file("CertificateFile", block.certificate_file),
    ]
    return "\n".join(lines + ([_file("IdentityFile", block.identity_file)] if block.identity_file else []))


def _file(keyword: str, path: str) -> str:
    return f'    {keyword} "{path.replace("%", "%%")}"'


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
