"""RBAC decided from roles and bindings is what the API server answers: seeded random ones, tuple by tuple."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from warden.core.clusters.rbac import Asking, rbac
from warden.core.clusters.subjects import Subject

pytestmark = pytest.mark.cluster
SEED = 13
ROLES, BINDINGS, TUPLES = 40, 100, 2000
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "bind", "*"]
GROUPS = ["", "apps", "batch", "external-secrets.io", "rbac.authorization.k8s.io", "*"]
RESOURCES = ["secrets", "pods", "pods/exec", "pods/attach", "serviceaccounts/token", "deployments", "deployments/scale"]
RESOURCES += ["nodes/proxy", "rolebindings", "externalsecrets", "*/exec", "*/token", "*"]
NAMES = ["one", "two", "app"]
PATHS = ["/metrics", "/api/*", "/apis/apps", "*"]
ASKED_PATHS = ["/metrics", "/api", "/api/v1", "/apis/apps", "/apis/apps/v1", "/"]
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Made:
    """Random roles and bindings in two namespaces and in the whole cluster."""

    def __init__(self, bench):
        self.bench, self.dice, self.places, self.rules = bench, random.Random(SEED), [], []
        self.tag = bench.unique("rbac")
        self.namespaces = [bench.namespace, bench.unique("other")]
        self.subjects = [Subject("user", f"{self.tag}-{each}") for each in ("eve", "mallory")]
        self.subjects += [Subject("group", f"{self.tag}-{each}") for each in ("devs", "ops")]
        self.subjects += [Subject("account", f"{home}/{each}") for home in self.namespaces for each in ("app", "job")]
        self.subjects += [Subject("group", f"system:serviceaccounts:{home}") for home in self.namespaces]

    def make(self):
        for namespace in self.namespaces:
            self.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        roles = [self.role(number) for number in range(ROLES)]
        for number in range(BINDINGS):
            self.binding(number, self.dice.choice(roles))

    def role(self, number):
        namespace = self.dice.choice(["", *self.namespaces])
        rules = [self.rule(within=bool(namespace)) for _ in range(self.dice.randint(1, 3))]
        self.rules += rules
        name = f"{self.tag}-r{number}"
        self.post(self.place(namespace, "roles"), {"metadata": {"name": name}, "rules": rules})
        return namespace, name

    def rule(self, *, within):
        if not within and self.dice.random() < 0.15:
            return {"verbs": self.some(VERBS), "nonResourceURLs": self.some(PATHS)}
        rule = {"verbs": self.some(VERBS), "apiGroups": self.some(GROUPS), "resources": self.some(RESOURCES)}
        return rule | ({"resourceNames": self.some(NAMES)} if self.dice.random() < 0.3 else {})

    def binding(self, number, role):
        home, name = role
        namespace = home or self.dice.choice(["", *self.namespaces])
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role" if home else "ClusterRole", "name": name}
        subjects = [self.named(each, namespace) for each in self.some(self.subjects)]
        body = {"metadata": {"name": f"{self.tag}-b{number}"}, "roleRef": reference, "subjects": subjects}
        self.post(self.place(namespace, "rolebindings"), body)

    def named(self, subject, namespace):
        if subject.kind != "account":
            return {"apiGroup": "rbac.authorization.k8s.io", "kind": subject.kind.capitalize(), "name": subject.name}
        home, _, account = subject.name.partition("/")
        if self.dice.random() < 0.3:
            return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": subject.user}
        bare = home == namespace and self.dice.random() < 0.5
        return {"kind": "ServiceAccount", "name": account} | ({} if bare else {"namespace": home})

    def some(self, pool):
        return self.dice.sample(pool, self.dice.choice([1, 1, 2]))

    def asking(self):
        """Something that one of the rules may be about, or that none of them is."""
        rule = self.dice.choice([*self.rules, {}])
        verb = self.one_of(rule.get("verbs"), VERBS)
        if "nonResourceURLs" in rule:
            return Asking(verb, "", "", path=self.dice.choice(ASKED_PATHS))
        group, resource = self.one_of(rule.get("apiGroups"), GROUPS), self.one_of(rule.get("resources"), RESOURCES)
        namespace, name = self.dice.choice(["", *self.namespaces * 2]), self.dice.choice(["", *NAMES])
        return Asking(verb, group, resource, namespace, name)

    def one_of(self, written, pool):
        """One of those, most often; any other where it says all of them."""
        found = self.dice.choice(written if written and self.dice.random() < 0.9 else pool)
        return found if "*" not in found else self.dice.choice([each for each in pool if "*" not in each])

    def place(self, namespace, plural):
        return f"{RBAC}/namespaces/{namespace}/{plural}" if namespace else f"{RBAC}/cluster{plural}"

    def post(self, where, body):
        self.bench.handle().must("POST", where, body)
        self.places.append(f"{where}/{body['metadata']['name']}")

    def tidy(self):
        for place in reversed(self.places):
            self.bench.handle().admin("DELETE", place)


def census_of(kube):
    lists = {kind: kube.listed(kind) for kind in ("ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding")}
    accounts = kube.listed("ServiceAccount")
    return rbac(
        accounts, [*lists["ClusterRoleBinding"], *lists["RoleBinding"]], [*lists["ClusterRole"], *lists["Role"]]
    )


def test_every_tuple_is_decided_as_the_api_server_decides_it(bench):
    made = Made(bench)
    try:
        made.make()
        everybody = census_of(bench.kube())
        asked = [(made.dice.choice(made.subjects), made.asking()) for _ in range(TUPLES)]
        decided = [everybody.allows(*each) for each in asked]
        assert TUPLES * 0.1 < sum(decided) < TUPLES * 0.9

        def differ():
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda each: bench.kube().may(*each), asked))
            return [each for each, one, other in zip(asked, decided, answers, strict=True) if one != other]

        if differ():  # the API server reads its roles from a cache, a moment later
            bench.until(lambda: not differ(), 10.0)
    finally:
        made.tidy()


def test_an_aggregated_role_gives_what_it_is_aggregated_from(bench):
    made = Made(bench)
    label = {f"{made.tag}.test/more": "true"}
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}
    whole, part = f"{made.tag}-whole", f"{made.tag}-part"
    try:
        for namespace in made.namespaces:
            made.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        body = {"metadata": {"name": whole}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": label}]}}
        made.post(f"{RBAC}/clusterroles", body)
        made.post(f"{RBAC}/clusterroles", {"metadata": {"name": part, "labels": label}, "rules": [rule]})
        made.binding(0, ("", whole))
        everybody = census_of(bench.kube())
        subject, by = next((each, refs[0]) for each, refs in everybody.naming.items() if made.tag in refs[0].name)
        asking = Asking("get", "", "secrets", by.namespace)
        bench.until(lambda: bench.kube().may(subject, asking))
        assert census_of(bench.kube()).allows(subject, asking)
    finally:
        made.tidy()
