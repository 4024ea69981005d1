"""Gitea's tokens API (1.26: routers/api/v1/user/app.go, routers/api/v1/api.go) for one user."""

import base64
import datetime as dt
import itertools
import secrets
import time

from key_server import Key, KeyServer

USER, PASSWORD = "issue-core", "planted-password-7c1b5e0d7e4c"
OLD = "6f1c1b5e0d7e4c4e9a573f5b0c1d2e3f6f1c1b5e"
SCOPES = ["write:issue", "read:repository"]
_KNOWN = {f"{how}:{what}" for how in ("read", "write") for what in ("issue", "repository", "user", "organization")} | {
    "all"
}


def error(status, message):
    return status, {"message": message, "url": "https://gitea.example/api/swagger"}


class GiteaServer(KeyServer):
    def __init__(self, **more) -> None:
        super().__init__(**more)
        self._numbers = itertools.count(8)
        self.keys["7"] = Key("7", "old", OLD, {"scopes": SCOPES})

    def operation(self, request):
        if request.path == "/api/v1/user":
            return "test"
        return {"GET": "list", "POST": "create", "DELETE": "delete"}[request.method]

    def answer(self, operation, request):
        scheme, _, sent = request.authorization.partition(" ")
        if operation == "test":
            return self._user(sent if scheme == "token" else "")
        if scheme != "Basic":
            return error(401, "auth required")
        if base64.b64decode(sent).decode() != f"{USER}:{PASSWORD}":
            return error(401, "invalid username, password or token")
        if not request.path.startswith(f"/api/v1/users/{USER}/tokens"):
            return error(404, "user does not exist")
        return getattr(self, f"_{operation}")(request)

    def _user(self, value):
        found = self.accepted(value)
        if found is None:
            return error(401, "invalid username, password or token")
        if not {"read:user", "write:user", "all"} & set(found.settings["scopes"]):
            return error(
                403, "token does not have at least one of required scope(s), required=[read:user], token scope=x"
            )
        return 200, {"id": 1, "login": USER}

    def _list(self, request):
        size, number = min(self.page, int(request.query.get("limit", 30))), int(request.query.get("page", 1))
        return 200, [self._shown(each) for each in list(self.keys.values())[(number - 1) * size : number * size]]

    def _create(self, request):
        name, scopes = request.body["name"], request.body.get("scopes") or []
        if name in {each.name for each in self.keys.values()}:
            return error(400, "access token name has been used already")
        if not scopes or not set(scopes) <= _KNOWN:
            return error(400, "access token must have a scope")
        made = Key(str(next(self._numbers)), name, secrets.token_hex(20), {"scopes": scopes}, created=int(time.time()))
        self.keys[made.id] = made
        return 201, self._shown(made) | {"sha1": made.value}

    def _delete(self, request):
        key = self.keys.get(request.path.rpartition("/")[2])
        if key is None:
            return error(404, "The target couldn't be found.")
        self.end(key)
        return 204, None

    def _shown(self, key):
        return {
            "id": int(key.id),
            "name": key.name,
            "sha1": "",
            "token_last_eight": key.value[-8:],
            "scopes": key.settings["scopes"],
            "created_at": _text(key.created),
            "last_used_at": _text(key.last_used or key.created),
        }


def _text(seconds):
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
