"""One provider's API as its source asks it: what each answer means. Nothing is repeated here.

An answer counts when the provider itself gave it: JSON, with no error inside. Everything else (no answer, 429, 5xx, an
error inside a 200, a proxy's page, a redirect) says nothing about a key: `Inconclusive` or ``unclear``. A provider's
own words are never repeated, since they may quote a key: of an error its status stays, and its code where that is
plain words.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from warden.core.errors import Refused, ServerFault, Unidentified, Unreachable
from warden.core.remedies import warden
from warden.core.rotation.provider import Verdict
from warden.core.secret import Secret
from warden.ports.http import HttpClient, HttpReply, HttpRequest

OK, NOT_FOUND, TOO_MANY = 200, 404, 429
UNAUTHORIZED, FORBIDDEN = 401, 403
_CODE = re.compile(r"[a-z]{2,20}(?:[_-][a-z]{1,20}){0,4}", re.ASCII)
_MOST_PAGES = 1000

Headers = Mapping[str, str | Secret]


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider is, and as whom it is asked.

    Attributes:
        name: the source's, for messages.
        url: without a slash at the end.
        headers: those that carry the management key.
        secret: the management key itself, which no code in a message may be part of.
        timeout: seconds for a whole request.
    """

    name: str
    url: str
    http: HttpClient
    headers: Headers
    secret: Secret
    timeout: float = 15.0

    @property
    def system(self) -> str:
        """The provider, as people name it."""
        return f"{self.name} {self.url}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the provider answers to the management key: the JSON in it, None where it is empty.

        Raises:
            Unidentified: it does not accept the management key; nothing was done.
            Refused: it does not accept what is asked for; nothing was done.
            Inconclusive: nobody knows whether it was done.
        """
        return self._expect(self._send(method, path, body), f"{method} {path}")

    def ask_about(self, method: str, path: str, body: Any = None) -> Any:
        """The same about one thing; None where the provider does not know it (404)."""
        reply = self._send(method, path, body)
        if reply.status == NOT_FOUND and has_error(reply.body):
            return None
        return self._expect(reply, f"{method} {path}")

    def own_page(self, path: str, headers: Headers) -> HttpReply | None:
        """What the provider answers to a key that asks about itself; None where it does not."""
        sent = {**headers, "Accept": "application/json", "Cache-Control": "no-cache"}
        try:
            return self.http.send(HttpRequest(method="GET", url=self.url + path, headers=sent, timeout=self.timeout))
        except Unreachable:
            return None

    def verdict(self, path: str, headers: Headers, value: Secret, accepted: Callable[[HttpReply], bool]) -> Verdict:
        """Whether the value, which the headers carry, is accepted; `accepted` knows the answer that says so."""
        reply = self.own_page(path, headers)
        if reply is None:
            return Verdict(answer="unclear", reason="no-answer")
        code = _code(reply.body, value)
        if accepted(reply):
            return Verdict(answer="accepted", status=reply.status)
        if reply.status == UNAUTHORIZED and has_error(reply.body):
            return Verdict(answer="refused", status=reply.status, reason=code or "unauthorized")
        return Verdict(answer="unclear", status=reply.status, reason=_unclear(reply, code))

    def unclear(self, what: str, status: int = OK, code: str = "") -> ServerFault:
        """The error that nobody knows whether `what` was done."""
        said = " ".join(filter(None, (str(status), code)))
        return ServerFault(
            f"{self.system} gave no answer to {what} that can be relied on ({said})",
            system=self.system,
            hint="try again later",
        )

    def _expect(self, reply: HttpReply, what: str) -> Any:
        code = _code(reply.body, self.secret)
        if OK <= reply.status < 300 and not has_error(reply.body):  # noqa: PLR2004 - RFC 9110, 15.3
            return reply.body
        if reply.status in (UNAUTHORIZED, FORBIDDEN) and has_error(reply.body):
            raise Unidentified(
                f"{self.system} refuses {what} to the management key ({reply.status})",
                system=self.system,
                hint="it may be wrong, expired, or that of another account",
            )
        client_error = 400 <= reply.status < 500 and reply.status not in (408, TOO_MANY)  # noqa: PLR2004 - 15.5
        if client_error and has_error(reply.body):
            said = " ".join(filter(None, (str(reply.status), code)))
            raise Refused(
                f"{self.system} refuses {what} ({said})",
                system=self.system,
                hint="check the settings of the lane's rotation",
                remedy=(warden("catalog check"),),
            )
        raise self.unclear(what, reply.status, _unclear(reply, code))

    def _send(self, method: str, path: str, body: Any) -> HttpReply:
        sent = {**self.headers, "Accept": "application/json"}
        return self.http.send(
            HttpRequest(method=method, url=self.url + path, headers=sent, body=body, timeout=self.timeout)
        )


def bearer(value: Secret) -> Headers:
    """The header that carries the value (RFC 6750, 2.1)."""
    return {"Authorization": Secret(f"Bearer {value.reveal()}")}


def pages(page: Callable[[int, Any], list[Any]]) -> Iterator[Any]:
    """The entries of all pages.

    Args:
        page: gets how many entries there were so far and the last of them (None at first), and gives the entries of the
            next page; none where there is none.
    """
    seen, last = 0, None
    for _ in range(_MOST_PAGES):
        found = page(seen, last)
        yield from found
        if not found:
            return
        seen, last = seen + len(found), found[-1]


def has_error(body: Any) -> bool:
    """Whether the provider says that something is wrong: ``error`` (OpenRouter, OpenAI) or ``message`` (Gitea)."""
    return isinstance(body, dict) and bool(body.get("error") or body.get("errors") or _is_giteas(body))


def _is_giteas(body: Mapping[str, Any]) -> bool:
    """Gitea's error is an object with ``message`` and ``url``, and no other of its answers has both without an id."""
    return "message" in body and "id" not in body


def _code(body: Any, value: Secret) -> str:
    """The error's code, if it is plain words and no part of the value."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    metadata = error.get("metadata")
    told = (error.get("code"), error.get("type"), metadata.get("error_type") if isinstance(metadata, dict) else None)
    texts = (text for text in told if isinstance(text, str) and _CODE.fullmatch(text))
    return next((text for text in texts if text not in value.reveal() and value.reveal() not in text), "")


def _unclear(reply: HttpReply, code: str) -> str:
    if reply.status == TOO_MANY:
        return "rate-limited"
    if reply.status < 300:  # noqa: PLR2004 - RFC 9110, 15.3
        return "error-inside" if has_error(reply.body) else "not-its-api"
    return code or ("server-fault" if reply.status >= 500 else "unexpected")  # noqa: PLR2004 - RFC 9110, 15.6
