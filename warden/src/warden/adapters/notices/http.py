"""The channels over HTTP: a webhook, and the State Hub, which takes progress events.

One POST with JSON; the id of the notice is its idempotency key, so that a receiver can recognize what it was sent twice
(it may answer 409 then, which counts as received). Redirects are not followed: a token would travel to whatever host
they name. Of an answer only the status is read.
"""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from warden.adapters.machine import regular_file
from warden.adapters.machine.bearer import LONGEST_TOKEN, bearer
from warden.adapters.machine.proxy import proxy_for
from warden.core.notices.notice import Notice
from warden.core.notices.outbox import Channel
from warden.ports.notices import NotSent

NOTIFY_TOKEN = "WARDEN_NOTIFY_TOKEN_FILE"  # noqa: S105 - the name of a variable
HUB_TOKEN = "STATE_HUB_TOKEN_FILE"  # noqa: S105 - as above; activity-core reads the same one
_CONFLICT, _TOO_MANY, _FIRST_SERVER_FAULT = 409, 429, 500


class Posted:
    """The port NoticeChannel on a URL.

    Args:
        name: which channel it is.
        url: where to; http or https.
        token_variable: names the variable with a file that holds a bearer token, which is read for each notice.
    """

    def __init__(self, name: Channel, url: str, token_variable: str, environ: Mapping[str, str] = os.environ) -> None:
        self.name = name
        self._url = self.where = url
        self._variable = token_variable
        self._environ = environ

    def send(self, document: bytes, notice: Notice, patience: float) -> None:
        """Post it. Raises `NotSent` where there is no answer in time, or one that does not accept it."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": notice.id, **self._bearer()}
        status = self._posted(document, headers, patience)
        if 200 <= status < 300 or status == _CONFLICT:  # noqa: PLR2004 - RFC 9110, 15.3
            return
        raise NotSent("answered", status, again=status == _TOO_MANY or status >= _FIRST_SERVER_FAULT)

    def _posted(self, document: bytes, headers: Mapping[str, str], patience: float) -> int:
        import httpx2  # costs more than all the rest: only where there is something to tell

        from warden.adapters.machine import tls

        where = urlsplit(self._url)
        secure = where.scheme == "https"
        proxy = proxy_for(self._environ, where.hostname or "", where.port or 443) if secure else ""
        try:
            with (
                httpx2.Client(
                    verify=tls.context() if secure else False, timeout=patience, proxy=proxy or None, trust_env=False
                ) as client,
                client.stream("POST", self._url, content=document, headers=dict(headers)) as answer,
            ):
                return int(answer.status_code)
        except httpx2.TimeoutException:
            raise NotSent("timed-out") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
            raise NotSent("no-answer", again=True) from None

    def _bearer(self) -> dict[str, str]:
        """The header with the token, where a file with one is named. Raises `NotSent`."""
        path = self._environ.get(self._variable, "")
        if not path:
            return {}
        try:
            return bearer(regular_file.read_bytes(path, LONGEST_TOKEN))
        except (regular_file.NotUsable, ValueError):
            raise NotSent("token") from None
