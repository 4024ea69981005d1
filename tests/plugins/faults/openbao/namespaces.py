"""The lane is in a namespace, and somebody of the namespace above reaches into it."""

import copy
import time
from http import HTTPStatus

from faults import Fault
from faults.openbao.kit import OTHERS, must, named, own_policy, role, rule, written


def sound(bench):
    """A namespace with a KV mount and a login for accounts; `bench` works in it from here on, as its administrator."""
    name = named(bench, "team")
    keys = bench.server.must("GET", "auth/kubernetes/config")["data"]
    must(bench, "POST", f"sys/namespaces/{name}")
    bench.server = bench.server.within(name)
    bench.vault = lambda _="admin": bench.server.vault("admin")
    must(bench, "POST", "sys/mounts/platform", type="kv", options={"version": "2"})
    while bench.server.call("GET", "platform/config")[0] != HTTPStatus.OK:  # it becomes version 2 in the background
        time.sleep(0.02)
    must(bench, "POST", "sys/auth/kubernetes", type="jwt")
    known = {key: keys[key] for key in ("jwt_validation_pubkeys", "bound_issuer", "jwt_supported_algs")}
    must(bench, "POST", "auth/kubernetes/config", **known)
    return bench.ready()


def above(bench):
    """The same in the namespace above."""
    found = copy.copy(bench)
    found.server = bench.server.within("")
    return found


def reads_from_above(path):
    def plant(bench):
        shown = path.replace("TEAM", bench.server.namespace).replace("PATH", bench.path)
        role(above(bench), written(above(bench), rule(shown, "read")))

    return plant


def writes_roles_from_above(bench):
    text = rule(f"{bench.server.namespace}/auth/kubernetes/role/*", "create", "update")
    role(above(bench), written(above(bench), text))


def deletes_it(bench):
    text = rule(f"sys/namespaces/{bench.server.namespace}", "delete")
    role(above(bench), written(above(bench), text))


def administrator_by_name(bench):
    """A user of the namespace with the name of one that is declared in the one above."""
    must(bench, "POST", "sys/auth/userpass", type="userpass")
    held = written(bench, rule("platform/*", "read"))
    must(bench, "POST", "auth/userpass/users/admin", password="a-password-of-the-tests", token_policies=[held])


def reader_by_name(bench):
    """A role of the namespace above with the name of the reader's."""
    held = written(above(bench), rule(f"{bench.server.namespace}/platform/data/{bench.path}", "read"))
    fields = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["openbao"], "token_policies": [held]}
    must(above(bench), "POST", bench.role, bound_subject=OTHERS, **fields)


FAULTS = [
    Fault(
        "namespace",
        "a policy above it names the path",
        reads_from_above("TEAM/platform/data/PATH"),
        "nobody-else",
    ),
    Fault(
        "namespace",
        "a policy above it reads every namespace",
        reads_from_above("+/platform/*"),
        "nobody-else",
    ),
    Fault("namespace", "somebody above it could write its roles", writes_roles_from_above, "nobody-else"),
    Fault("namespace", "somebody above it could delete it", deletes_it, "nobody-else"),
    Fault("namespace", "a user has the name of an administrator above it", administrator_by_name, "nobody-else"),
    Fault("namespace", "a role above it has the reader's name", reader_by_name, "nobody-else"),
    Fault("namespace", "a second role inside", lambda b: role(b, own_policy(b)), "nobody-else"),
    Fault(
        "namespace",
        "another policy inside reads the mount",
        lambda b: role(b, written(b, rule("platform/*", "read"))),
        "nobody-else",
    ),
]
