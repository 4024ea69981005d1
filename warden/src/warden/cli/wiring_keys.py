"""What builds adapters for the SSH keys and certificates of this machine; see `wiring`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warden.core.ssh.kept import FOLDER_OPTION

if TYPE_CHECKING:
    import click

    from warden.core.ssh.kept import Holder
    from warden.ports.kept_certificates import KeptCertificates
    from warden.ports.key_agent import KeyAgent
    from warden.ports.key_place import KeyPlace


def platform_named(ctx: click.Context) -> str:
    """The platform directory of this call, without a look at what is in it."""
    from warden.adapters.catalog.discovery import find_platform
    from warden.cli.wiring import platform_flag

    return find_platform(platform_flag(ctx), configured_first=True).directory


def kept(platform: str, environment: str) -> KeptCertificates:
    """What this machine holds for a platform directory, in the environment of that name (empty: none was named)."""
    from warden.adapters.machine import directories
    from warden.adapters.ssh.kept_certificates import KeptFiles

    return KeptFiles(directories.state(), platform, environment)


def agent(folder_option: str = FOLDER_OPTION) -> KeyAgent:
    """The caller's ssh-agent. Raises `UsageError` where there is none."""
    from warden.adapters.ssh.agent import agent_of

    return agent_of(os.environ, folder_option)


def agent_if_any() -> KeyAgent | None:
    """The caller's ssh-agent, where SSH_AUTH_SOCK names one."""
    return agent() if os.environ.get("SSH_AUTH_SOCK") else None


def key_place(out: str | None, folder_option: str = FOLDER_OPTION) -> KeyPlace:
    """Where keys and certificates go: an agent, or a folder, as `folder_option` names it. Raises `UsageError`."""
    if out is None:
        from warden.adapters.ssh.in_agent import InAgent

        return InAgent(agent(folder_option))
    from warden.adapters.ssh.in_folder import InFolder

    return InFolder(out, folder_option)


def holder_named(out: str | None) -> Holder:
    """Who is to hold keys: an agent, whichever it will be, or a folder."""
    from warden.core.ssh.kept import Holder

    return Holder(handed="agent", where="") if out is None else key_place(out).holder


def place_of(holder: Holder) -> KeyPlace:
    """The place that holds a certificate already."""
    if holder.handed == "agent":
        from warden.adapters.ssh.agent import SshAgent
        from warden.adapters.ssh.in_agent import InAgent

        return InAgent(SshAgent(holder.where))
    from warden.adapters.ssh.in_folder import InFolder

    return InFolder(holder.where)
