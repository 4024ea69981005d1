"""OpenAI's admin API for the keys of a project's service accounts (API reference, "Administration")."""

import secrets
import time

from key_server import Key, KeyServer

ADMIN = "sk-admin-planted-7c1b5e0d7e4c4e9a573f"
OLD = "sk-svcacct-planted6f1c1b5e0d7e4c4e9a573f5b0c1d2e3f6f1c1b5e0d7e4c4e9a573f5b0c1d2e3f"
PROJECT, ACCOUNT = "proj_abc", "svc_acct_abc"
_KEYS = f"/v1/organization/projects/{PROJECT}/api_keys"


def error(status, code, message):
    return status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


class OpenAiServer(KeyServer):
    def __init__(self, **more) -> None:
        super().__init__(**more)
        self.keys["key_old"] = Key("key_old", "old", OLD, {"expires_at": 1_700_000_000 + 86400})

    def operation(self, request):
        if request.path == "/v1/models":
            return "test"
        return {"GET": "list", "POST": "create", "DELETE": "delete"}[request.method]

    def answer(self, operation, request):
        bearer = request.authorization.removeprefix("Bearer ")
        if operation == "test":
            if self.accepted(bearer):
                return 200, {"object": "list", "data": []}
            return error(401, "invalid_api_key", f"Incorrect API key provided: {bearer}.")
        if bearer != ADMIN:
            return error(401, "invalid_api_key", f"Incorrect API key provided: {bearer}.")
        return getattr(self, f"_{operation}")(request)

    def _list(self, request):
        if request.path.startswith(f"{_KEYS}/"):
            key = self.keys.get(request.path.rpartition("/")[2])
            return (200, self._shown(key)) if key else error(404, "not_found", "no such key")
        if request.path != _KEYS:
            return error(404, "not_found", "no such project")
        everybody = request.query.get("owner_project_access") == "any"
        listed = [each for each in self.keys.values() if everybody or not each.settings.get("owner_is_gone")]
        listed.sort(key=lambda each: each.created)
        ids = [each.id for each in listed]
        start = ids.index(request.query["after"]) + 1 if request.query.get("after") in ids else 0
        page = listed[start : start + min(self.page, int(request.query.get("limit", 20)))]
        return 200, {
            "object": "list",
            "data": [self._shown(each) for each in page],
            "has_more": len(ids) > start + len(page),
        }

    def _create(self, request):
        if request.path != f"/v1/organization/projects/{PROJECT}/service_accounts/{ACCOUNT}/api_keys":
            return error(404, "not_found", "no such service account")
        life = request.body.get("expires_in_seconds")
        if life is not None and not 1 <= life <= 31_536_000:
            return error(400, "invalid_value", "expires_in_seconds")
        now = int(time.time())
        made = Key(
            f"key_{secrets.token_hex(8)}", request.body["name"], f"sk-svcacct-{secrets.token_hex(32)}", created=now
        )
        made.settings = {"expires_at": None if life is None else now + life, "scopes": request.body.get("scopes")}
        self.keys[made.id] = made
        shown = {"id": made.id, "name": made.name, "created_at": now, "expires_at": made.settings["expires_at"]}
        return 200, shown | {"object": "organization.project.service_account.api_key", "value": made.value}

    def _delete(self, request):
        key = self.keys.get(request.path.rpartition("/")[2])
        if key is None:
            return error(404, "not_found", "no such key")
        self.end(key)
        return 200, {"object": "organization.project.api_key.deleted", "id": key.id, "deleted": True}

    def _shown(self, key):
        return {
            "object": "organization.project.api_key",
            "id": key.id,
            "name": key.name,
            "redacted_value": f"{key.value[:11]}{'*' * 20}{key.value[-4:]}",
            "created_at": key.created,
            "last_used_at": key.last_used,
            "expires_at": key.settings.get("expires_at"),
            "owner": {"type": "service_account", "service_account": {"id": ACCOUNT}},
        }
