"""The embedded platform: a whole OpenBao of one's own, for trying things out, for tests and for the demo.

``platform`` is its life (up, down, status), ``parts`` the people in it, ``config`` what the server is told,
``server`` the process, ``state`` the files.
"""

from warden.adapters.embedded.platform import Embedded, Status

__all__ = ["Embedded", "Status"]
