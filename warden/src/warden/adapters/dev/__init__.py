"""The embedded platform: a whole OpenBao of one's own, and clusters beside it, for trying out, for tests, for the demo.

``platform`` is its life (up, down, status), ``server`` its OpenBao, ``config`` that server's configuration,
``personas`` the people in it; ``clusters`` are all its clusters, ``cluster`` one of them, ``components`` how a
cluster's programs are started, ``build`` and ``golang`` where these come from, ``bootstrap`` what every cluster has
before any lane, ``auth_mounts`` where clusters and OpenBao meet; ``process``, ``authority`` and ``state`` are what all
of them stand on. OpenBao and clusters are called by the same adapters as everywhere else.
"""

from warden.adapters.dev.platform import Embedded, Status

__all__ = ["Embedded", "Status"]
