"""A token that is alive has the lane's policy."""

from faults import Fault
from faults.openbao.kit import OTHERS, must, named, own_policy, role
from warden.core.openbao.api import Request


def made(path="auth/token/create-orphan", **fields):
    def plant(bench):
        usual = {"policies": [own_policy(bench)], "ttl": "1h", "display_name": "somebody"}
        must(bench, "POST", path, **usual | fields)

    return plant


def of_a_deleted_role(bench):
    """Somebody logged in by a role that is gone; the token lives on."""
    role(bench, own_policy(bench), token_ttl="1h")
    login = {"role": named(bench, "other"), "jwt": bench.server.mint("tenant/somebody")}
    bench.server.must("POST", "auth/kubernetes/login", login, token=None)
    must(bench, "DELETE", f"auth/kubernetes/role/{named(bench, 'other')}")


def wrapped(bench):
    """Nobody has the token yet: whoever unwraps it does."""
    vault = bench.vault("admin")
    body = {"policies": [own_policy(bench)], "ttl": "1h"}
    request = Request(method="POST", path="auth/token/create-orphan", body=body, headers={"X-Vault-Wrap-TTL": "10m"})
    assert vault.send(vault.as_caller(request)).status == 200


def of_an_earlier_account(bench):
    """The reader's role was for another account, which logged in and has its token still."""
    role = bench.server.must("GET", bench.role)["data"]
    must(bench, "POST", bench.role, **role | {"bound_subject": OTHERS})
    login = {"role": bench.role.rpartition("/")[2], "jwt": bench.server.mint("tenant/somebody")}
    bench.server.must("POST", "auth/kubernetes/login", login, token=None)
    must(bench, "POST", bench.role, **role)


FAULTS = [
    Fault("token", "of the account that the reader's role was for before", of_an_earlier_account, "nobody-else"),
    Fault("token", "an orphan with the policy", made(), "nobody-else"),
    Fault("token", "a child of an administrator's with the policy", made("auth/token/create"), "nobody-else"),
    Fault("token", "a periodic one, which can be renewed for ever", made(period="24h"), "nobody-else"),
    Fault("token", "for one use", made(num_uses=1), "nobody-else"),
    Fault("token", "of a role that is deleted", of_a_deleted_role, "nobody-else"),
    Fault("token", "wrapped, for whoever unwraps it", wrapped, "nobody-else"),
]
