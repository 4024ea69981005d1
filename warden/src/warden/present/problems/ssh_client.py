"""What is wrong with the SSH keys and certificates of this machine, and with ssh's configuration, in words."""

from warden.core.quoting import name, quoted
from warden.core.ssh.client_config import NoHosts, UnfitHostName, UnfitPath
from warden.core.ssh.kept import JustFailed
from warden.present.problems import describe


@describe.register
def _(problem: NoHosts) -> str:
    return f"inventory.yaml names no hosts for {problem.actor}"


@describe.register
def _(problem: UnfitHostName) -> str:
    return f"{quoted(problem.name)!r} of {name(problem.host)} is not a host name that can be written for ssh"


@describe.register
def _(problem: UnfitPath) -> str:
    return f"{quoted(problem.path)!r} has characters that cannot be written in ssh's configuration"


@describe.register
def _(problem: JustFailed) -> str:
    return f"another process could not get a certificate for {problem.actor} a moment ago"
