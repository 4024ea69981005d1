"""Which of OpenSSH's programs are on this machine, and their version (ssh(1), *-V*)."""

import os
import re
import shutil
from collections.abc import Mapping

from warden.adapters.ssh.programs import NotRun, run
from warden.core.quoting import quoted
from warden.core.ssh.doctor_facts import PROGRAMS, OpenSsh

SERVER_PLACES = "/usr/sbin:/usr/local/sbin:/sbin:/opt/homebrew/sbin"
"""Where sshd is, beside the PATH."""
_VERSION = re.compile(r"(OpenSSH_(?:[A-Za-z_]+)?(\d+)\.(\d+)\S*)", re.ASCII)


def open_ssh(environ: Mapping[str, str]) -> OpenSsh:
    """What is there."""
    path = environ.get("PATH", os.defpath)
    absent = tuple(each for each in PROGRAMS if shutil.which(each, path=path) is None)
    said = "" if "ssh" in absent else _said(environ)
    found = _VERSION.match(said)
    return OpenSsh(
        version=found[1].replace("_", " ").rstrip(",") if found else said,
        number=(int(found[2]), int(found[3])) if found else (),
        absent=absent,
        sshd=server(environ),
    )


def server(environ: Mapping[str, str]) -> str:
    """Where sshd is; empty without one."""
    found = shutil.which("sshd", path=f"{environ.get('PATH', '')}:{SERVER_PLACES}")
    return os.path.abspath(found) if found else ""


def _said(environ: Mapping[str, str]) -> str:
    try:
        return quoted(run(["ssh", "-V"], environ).err.strip())
    except NotRun as fault:
        return str(fault)
