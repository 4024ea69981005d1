"""The embedded platform: a whole OpenBao of one's own, and clusters beside it, for trying out, for tests, for the demo.

``platform`` is its life (up, down, status), ``server`` its OpenBao, ``config`` what that is told, ``parts`` the people
in it; ``fleet`` its clusters, ``cluster`` one of them, ``plane`` how a cluster's programs are started, ``build`` and
``golang`` where these come from, ``kube`` a cluster's API, ``mounts`` where cluster and OpenBao meet; ``process``,
``authority`` and ``state`` are what all of them stand on.
"""

from warden.adapters.dev.platform import Embedded, Status

__all__ = ["Embedded", "Status"]
