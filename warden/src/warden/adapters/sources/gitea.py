"""The source ``gitea``: access tokens of one Gitea user, made and ended with a password.

    rotation:
      every: 90d
      field: GITEA_BACKEND_TOKEN
      source: gitea
      management: issue-core-gitea-password
      settings: {url: https://gitea.example.com, user: issue-core}

Gitea makes tokens for who logs in with a password only, never for a token; ``management`` names the lane of that
password: the user's own, or with ``login`` that of an administrator. A new token has the scopes of the old one;
``scopes`` (with spaces between them) are for a token that no old one is known for. A token cannot be switched off, and
does not expire.

Source: Gitea's API, ``/users/{username}/tokens`` (swagger of 1.26).
"""

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from warden.adapters.sources.api import FORBIDDEN, OK, Api, Headers, pages
from warden.adapters.sources.masked import only
from warden.adapters.sources.settings import segment_faults, setting_faults, timeout_in, url_in
from warden.core.errors import Missing
from warden.core.rotation.provider import Capabilities, Carry, Intent, KeyId, Minted, ProviderKey, SettingFault, Verdict
from warden.core.secret import Secret
from warden.ports.http import HttpClient, HttpReply

NAME = "gitea"
_SETTINGS = ("url", "user", "login", "scopes", "timeout")
_SHOWN = 8
_LACKS_SCOPE = "required scope"
"""In what Gitea answers to a token that it accepts, where the token may not ask this (routers/api/v1/api.go)."""


class Gitea:
    """The port Source on one user's tokens.

    Args:
        api: with the password.
        user: whose tokens they are.
        scopes: of a token that no old one is known for.
    """

    def __init__(self, api: Api, user: str, scopes: Sequence[str] = ()) -> None:
        self._api = api
        self._scopes = scopes
        self._tokens = f"/api/v1/users/{quote(user, safe='')}/tokens"

    def capabilities(self) -> Capabilities:
        """Several tokens at once, whose last use is known."""
        return Capabilities(overlap=True, last_used=True)

    def identify(self, value: Secret) -> KeyId | None:
        """The id of the only token with these last eight characters."""
        end = value.reveal()[-_SHOWN:]
        found = only(str(each["id"]) for each in self._list() if each.get("token_last_eight") == end)
        return KeyId(found) if found else None

    def find(self, marker: str) -> Sequence[ProviderKey]:
        """By name."""
        return [_listed(each) for each in self._list() if marker in str(each.get("name"))]

    def carried(self, key: KeyId) -> Carry:
        """The scopes."""
        page = self._page(key)
        if page is None:
            raise Missing(f"{self._api.system} knows no token {key}", system=self._api.system, subject=key)
        return Carry(settings={"scopes": tuple(map(str, page.get("scopes") or ()))})

    def mint(self, intent: Intent, carry: Carry) -> Minted:
        """``POST``; the token (``sha1``) is in this answer and in no other. A name that is there already is refused."""
        carried = carry.settings.get("scopes")
        scopes = list(carried if isinstance(carried, tuple) else self._scopes)
        body = {"name": f"{intent.lane} {intent.field} {intent.marker}", "scopes": scopes}
        made = self._api.ask("POST", self._tokens, body)
        value, key = (made.get("sha1"), made.get("id")) if isinstance(made, dict) else (None, None)
        if not isinstance(value, str) or not value or not isinstance(key, int):
            raise self._api.unclear("POST tokens", code="no token in it")
        return Minted(key=KeyId(str(key)), value=Secret(value))

    def bind(self, _key: KeyId, _carry: Carry) -> None:
        """Nothing hangs on a token."""

    def test(self, value: Secret) -> Verdict:
        """``GET /user`` with the value itself; that it lacks a scope is said of accepted tokens only."""
        headers = {"Authorization": Secret(f"token {value.reveal()}")}
        return self._api.verdict("/api/v1/user", headers, value, _is_accepted)

    def refused(self, value: Secret) -> Verdict:
        """The same, asked anew."""
        return self.test(value)

    def last_used(self, key: KeyId) -> dt.datetime | None:
        """``last_used_at``."""
        page = self._page(key)
        text = "" if page is None else _last_used(page)
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC) if text else None

    def disable(self, _key: KeyId) -> None:
        """There is no such thing."""

    def enable(self, _key: KeyId) -> None:
        """There is no such thing."""

    def delete(self, key: KeyId) -> None:
        """``DELETE``, and a look whether it is gone: 404 is also what an unknown user is answered with."""
        self._api.ask_about("DELETE", f"{self._tokens}/{quote(key, safe='')}")
        if self._page(key) is not None:
            raise self._api.unclear("DELETE tokens/ID", code="still there")

    def _page(self, key: KeyId) -> dict[str, Any] | None:
        return next((each for each in self._list() if str(each["id"]) == key), None)

    def _list(self) -> list[dict[str, Any]]:
        """All pages; a server may make them smaller than is asked for (``MAX_RESPONSE_ITEMS``)."""
        number = iter(range(1, 10_000))

        def page(_seen: int, _last: Any) -> list[Any]:
            found = self._api.ask("GET", f"{self._tokens}?limit=50&page={next(number)}")
            if not isinstance(found, list) or not all(isinstance(each, dict) and "id" in each for each in found):
                raise self._api.unclear("GET tokens", code="not its API")
            return found

        return list(pages(page))


class GiteaPlugin:
    """The plug-in; its settings are ``url``, ``user``, ``login`` (who logs in, if not the user) and ``timeout``."""

    needs_management = True

    def faults(self, settings: Mapping[str, str]) -> Sequence[SettingFault]:
        """Unknown and missing keys, and values that cannot be used."""
        found = setting_faults(NAME, settings, _SETTINGS, needed=("url", "user"))
        return [*found, *segment_faults(settings, "user", "login")]

    def source(self, settings: Mapping[str, str], management: Secret | None, http: HttpClient) -> Gitea:
        """A source with these settings."""
        password = management or Secret("")
        headers = _basic(settings.get("login", settings["user"]), password)
        url, timeout = url_in(settings), timeout_in(settings)
        api = Api(name=NAME, url=url, http=http, headers=headers, secret=password, timeout=timeout)
        return Gitea(api, settings["user"], settings.get("scopes", "").split())


def _basic(login: str, password: Secret) -> Headers:
    words = f"{login}:{password.reveal()}".encode()
    return {"Authorization": Secret(f"Basic {base64.b64encode(words).decode()}")}


def _is_accepted(reply: HttpReply) -> bool:
    body = reply.body if isinstance(reply.body, dict) else {}
    if reply.status == FORBIDDEN:
        return _LACKS_SCOPE in str(body.get("message"))
    return reply.status == OK and "login" in body


def _listed(page: Mapping[str, Any]) -> ProviderKey:
    return ProviderKey(
        key=str(page["id"]),
        name=str(page.get("name") or ""),
        created=str(page.get("created_at") or ""),
        last_used=_last_used(page),
    )


def _last_used(page: Mapping[str, Any]) -> str:
    """Empty for one that was never used: Gitea says then when it was made (measured, 1.26.2)."""
    text = str(page.get("last_used_at") or "")
    return "" if text == page.get("created_at") else text


PLUGIN = GiteaPlugin()
