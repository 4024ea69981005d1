"""The rights that ``warden render --rights`` prints are enough, and each of them is needed.

They are given by the cluster's administrator to an account of the test's own; warden's account of the embedded
platform may far more. A right that is taken away may make an answer fail or stay open, and never makes a wrong pass.
"""

import base64
import copy
import json
import os

import msgspec
import pytest
from declared_lanes import declare

from warden.adapters.identities import ByMount, ClusterIssuer, NoIssuer
from warden.adapters.kubernetes.places import PLACES, path_of
from warden.core.clusters.copies import LOOKED_THROUGH
from warden.core.clusters.manifests import PROBE_ACCOUNT, Ref, external_secret_of, ref_of
from warden.core.clusters.rbac import Asking
from warden.core.clusters.rights import askings, cluster_rights
from warden.core.clusters.subjects import Subject
from warden.core.errors import Exit, Refused, WardenError
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Consumer, Delivery, Workload, WorkloadReader
from warden.core.plans.lane_plan import LaneOptions
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.steps.refresh import refresh
from warden.usecases.sync import sync
from warden.usecases.targets.cluster import ClusterTarget

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("rights")]  # its agents are made once
STORES = ("SecretStore", "ClusterSecretStore")


def granted(bench, scope, account="agent"):
    return cluster_rights(bench.target(), scope, Subject("account", f"{bench.namespace}/{account}"))


# -- every single right, told apart without a cluster -----------------------------------------------------------------


class Right(msgspec.Struct, frozen=True):
    """One verb on one resource, in one rule of one role; `home` is where the role is: nowhere, tenant or probe."""

    home: str
    rule: int
    resource: str
    verb: str

    def __str__(self):
        return f"{self.verb} {self.resource} {self.home} {self.rule}"


def sketch(store):
    lane = declare(
        "lane",
        readers=(WorkloadReader(workload=Workload("tenant", "app")),),
        deliveries={"here": Delivery(external_secret="tenant/lane", store=f"{store}/{STORE[store]}")},
        consumers=(Consumer(deployment="tenant/app"),),
    )
    return target(lane, "here", {"here": DeclaredCluster(context="c")})


STORE = {"SecretStore": "openbao-app", "ClusterSecretStore": "openbao-wide"}


def rights(scope, store):
    """Every right of the sketch, in order."""
    for role in cluster_rights(sketch(store), scope, Subject("user", "u")):
        home = role["metadata"].get("namespace", "of the cluster")
        if role["metadata"]["name"] != f"warden-{scope}" and home == "of the cluster":
            home = "of the lane"
        for number, rule in enumerate(role.get("rules", ())):
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield Right(home, number, resource, verb)


def home_of(bench, role, scope):
    namespace = role["metadata"].get("namespace", "")
    if namespace:
        return "tenant" if namespace == bench.namespace else namespace
    return "of the cluster" if role["metadata"]["name"] == f"warden-{scope}" else "of the lane"


def without(bench, scope, right):
    """The rights but for one."""
    found = copy.deepcopy([dict(each) for each in granted(bench, scope)])
    taken = 0
    for role in found:
        if role["kind"] not in {"Role", "ClusterRole"} or home_of(bench, role, scope) != right.home:
            continue
        rule = role["rules"][right.rule]
        rest = [each for each in rule["resources"] if each != right.resource]
        own = dict(rule, resources=[right.resource], verbs=[each for each in rule["verbs"] if each != right.verb])
        assert len(rest) < len(rule["resources"])
        assert len(own["verbs"]) < len(rule["verbs"])
        split = ([dict(rule, resources=rest)] if rest else []) + ([own] if own["verbs"] else [])
        role["rules"] = [*role["rules"][: right.rule], *split, *role["rules"][right.rule + 1 :]]
        taken += 1
    assert taken == 1, right
    return found


# -- the account ------------------------------------------------------------------------------------------------------


class Agent:
    """The account ``agent`` of the bench's namespace, and the cluster as it sees it."""

    def __init__(self, bench, scope):
        self.bench, self.scope = bench, scope
        bench.declared = {
            name: msgspec.structs.replace(each, may_read_secrets=("warden/warden",))
            for name, each in bench.declared.items()
        }
        bench.create("serviceaccount", {"metadata": {"name": "agent"}})
        self.made = []
        self.give(granted(bench, scope))
        bench.lets("agent", askings(bench.target(), scope))
        self.kube = bench.kube_as("agent")

    def give(self, manifests):
        for each in manifests:
            body = json.loads(json.dumps(each))
            place = path_of(ref_of(body)) if body["kind"] in PLACES else cluster_path(body)
            where = f"{place}?fieldManager=admin&force=true"
            self.bench.handle().must("PATCH", where, body, "application/apply-patch+yaml")
            self.made.append((body["kind"], body["metadata"]["name"]))

    def may(self, right, rule):
        """Whether the API server lets it pass by now: roles are read from a cache."""
        home = {"tenant": self.bench.namespace, PROBE_ACCOUNT: PROBE_ACCOUNT}.get(right.home, "")
        names = rule.get("resourceNames") or ("",)
        asking = Asking(right.verb, rule["apiGroups"][0], right.resource, home, names[0])
        return self.bench.may(f"system:serviceaccount:{self.bench.namespace}:agent", **asking.attributes)

    def take(self, right):
        """Take one right away, and wait until the API server refuses it."""
        role = next(
            each
            for each in granted(self.bench, self.scope)
            if each.get("rules") and home_of(self.bench, each, self.scope) == right.home
        )
        self.give(without(self.bench, self.scope, right))
        self.bench.until(lambda: not self.may(right, role["rules"][right.rule]))

    def give_back(self, right):
        self.give(granted(self.bench, self.scope))
        role = next(
            each
            for each in granted(self.bench, self.scope)
            if each.get("rules") and home_of(self.bench, each, self.scope) == right.home
        )
        self.bench.until(lambda: self.may(right, role["rules"][right.rule]))

    def prove(self):
        issuers = {self.bench.declared["coulombcore"].auth_mount: ClusterIssuer(self.kube)}
        return self.bench.prove(
            clusters=self.bench.clusters(coulombcore=self.kube),
            identities=ByMount(issuers, NoIssuer(self.bench.platform.address)),
        )

    def target(self):
        return ClusterTarget(self.bench.target(), self.kube, self.bench.reached)

    def plan(self):
        return self.target().plan()

    def sync(self):
        context = self.bench.context(clusters=self.bench.clusters(coulombcore=self.kube))
        found = sync(self.bench.whole_lane, context, LaneOptions(), patience=self.bench.patience)
        return found.done[0].followed

    def apply(self):
        return apply_target(self.target(), self.bench.journal, LaneOptions(yes=True))

    def adopt(self, **how):
        self.bench.kubes["coulombcore"] = self.kube
        return self.bench.adopt(**how)

    def take_over_and_apply(self):
        self.adopt(keep="openbao", rollout=0.1)
        self.apply()

    def tidy(self):
        for kind, name in set(self.made):
            if kind.startswith("ClusterRole"):
                self.bench.handle().admin("DELETE", f"{RBAC}/{kind.lower()}s/{name}")
        self.bench.handle().admin("DELETE", f"/apis/external-secrets.io/v1/clustersecretstores/{self.bench.name}")


RBAC = "/apis/rbac.authorization.k8s.io/v1"


def cluster_path(body):
    return f"{RBAC}/{body['kind'].lower()}s/{body['metadata']['name']}"


def of_store(bench, store):
    wanted = f"{store}/{bench.name if store == 'ClusterSecretStore' else STORE[store]}"
    delivery = Delivery(external_secret=f"{bench.namespace}/{bench.name}", store=wanted)
    bench.change(deliveries={"coulombcore": delivery})


# -- prove ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def agents(cluster_bench_of, tmp_path_factory):
    """By kind of store: a sound lane with a consumer, and an agent with the rights to prove it.

    Not a parameter of the module: pytest would make it again for each test that names it together with a right.
    """
    made = {}
    for store in STORES:
        bench = cluster_bench_of(tmp_path_factory.mktemp("rights"))
        of_store(bench, store)
        bench.ready().deploy()
        made[store] = Agent(bench, "prove")
    yield made
    for agent in made.values():
        agent.tidy()
        agent.bench.tidy()


@pytest.fixture(params=STORES)
def sound(request, agents):
    return agents[request.param]


def test_the_rights_to_prove_are_enough_to_plan_sync_and_prove(sound):
    assert not sound.plan().to_change
    assert sound.sync() == "synced"
    proof = sound.prove()
    assert proof.state == "proven", sound.bench.shown(proof)
    assert proof.scope == "lane"


def test_copies_are_looked_for_by_a_right_of_its_own_and_without_it_the_proof_says_where_not(sound):
    """Then a copy in a Secret of another namespace is found."""
    bench = sound.bench
    without = bench.verdict(sound.prove(), "copies")
    assert (without.result, without.detail.skipped) == ("ok", LOOKED_THROUGH)
    beside = bench.another_namespace()
    data = {"KEY": base64.b64encode(bench.value.encode()).decode()}
    bench.create("secret", {"metadata": {"name": "copy"}, "data": data}, namespace=beside)
    kept = list(sound.made)
    sound.give(granted(bench, "copies"))
    try:
        bench.lets("agent", askings(bench.target(), "copies"))
        found = bench.verdict(sound.prove(), "copies")
        assert (found.result, found.subject) == ("wrong", f"Secret {beside}/copy")
        assert found.detail.managers
    finally:
        for kind, name in set(sound.made) - set(kept):
            bench.handle().admin("DELETE", f"{RBAC}/{kind.lower()}s/{name}")
        bench.handle().admin("DELETE", bench.url("secret", "copy", beside))


def test_the_rights_to_prove_change_nothing_but_the_mark_that_asks_for_a_refresh(sound):
    ref = external_secret_of(sound.bench.target())
    with pytest.raises(Refused):
        sound.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": sound.bench.unique("ns")}})
    for kind, name in (("Secret", ref.name), ("Deployment", "app"), ("ServiceAccount", "app")):
        with pytest.raises(Refused):
            sound.kube.patch(Ref(kind, ref.namespace, name), {"metadata": {"annotations": {"by": "agent"}}})
    with pytest.raises(Refused):
        sound.kube.secret(ref.namespace, "another")


def proving(store):
    return [each for each in rights("prove", store) if store == "SecretStore" or "stores" in each.resource]


CASES = [(store, right) for store in STORES for right in proving(store)]
"""With the store of the whole cluster only what is about it: all else is the same."""


@pytest.mark.parametrize(("sound", "right"), CASES, ids=str, indirect=["sound"])
def test_without_one_right_of_prove_nothing_is_proven(sound, right):
    sound.take(right)
    try:
        if right.resource == "configmaps":
            return None  # only of a consumer that takes one into its environment after the Secret
        if right.resource == "events":
            return expect_no_reason_without_events(sound)
        proof = sound.prove()
        assert proof.state == "inconclusive", sound.bench.shown(proof)
        assert not sound.bench.found(proof, "wrong")
    finally:
        sound.give_back(right)
    return None


def expect_no_reason_without_events(sound):
    """Events say why a refresh failed; without them it is open whether it failed, and a sound lane is proven."""
    bench, ref = sound.bench, external_secret_of(sound.bench.target())
    path = {"spec": {"provider": {"vault": {"path": "elsewhere"}}}}
    bench.merge("secretstore", "openbao-app", path)
    try:
        bench.refreshed("failed")
        assert refresh(sound.kube, ref, 2.0).followed == "silent"
    finally:
        path["spec"]["provider"]["vault"]["path"] = "platform"
        bench.merge("secretstore", "openbao-app", path)
        bench.refreshed("synced")


# -- apply and adopt --------------------------------------------------------------------------------------------------


@pytest.fixture
def from_nothing(bench, request):
    """A tenant with a Secret made by hand and a consumer that took its value; nothing of the lane is there."""
    of_store(bench, getattr(request, "param", "SecretStore"))
    bench.tenant()
    bench.put()
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": bench.name,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"stringData":{"API_KEY":"old"}}'},
        },
        "stringData": {"API_KEY": f"by-hand-{os.urandom(6).hex()}"},
    }
    bench.create("secret", manifest)
    bench.deploy(how="environment", started="2020-01-01T00:00:00Z")
    bench.handle().admin("DELETE", bench.url("serviceaccount", "app", PROBE_ACCOUNT))  # of a test before
    agent = Agent(bench, "apply")
    yield agent
    agent.tidy()


@pytest.mark.parametrize("from_nothing", STORES, indirect=True)
def test_the_rights_to_apply_are_enough_to_take_over_from_nothing(from_nothing):
    done = from_nothing.adopt(keep="openbao", rollout=0.1)
    bench = from_nothing.bench
    assert (done.cleaned, done.restarted) == (
        ("kubectl.kubernetes.io/last-applied-configuration",),
        (f"{bench.namespace}/app",),
    )
    assert bench.delivered() == bench.value
    assert not from_nothing.plan().to_change
    assert from_nothing.apply().changed == ()


@pytest.mark.parametrize("from_nothing", STORES, indirect=True)
def test_the_rights_to_apply_are_enough_to_apply_from_nothing_and_to_change_it(from_nothing):
    bench = from_nothing.bench
    bench.remove("secret", bench.name)
    bench.apply(there=False)
    assert {change.action for change in from_nothing.apply().changed} == {"create"}
    bench.until(bench.delivered)
    delivery = msgspec.structs.replace(bench.lane.deliveries["coulombcore"], refresh=60)
    bench.change(deliveries={"coulombcore": delivery})
    assert [change.action for change in from_nothing.apply().changed] == ["change"]


def applying(store):
    """What is more than the rights to prove; and the right to the reader's tokens, which is given on."""
    known = {(each.home, each.resource, each.verb) for each in rights("prove", store)}
    more = [each for each in rights("apply", store) if (each.home, each.resource, each.verb) not in known]
    if store == "ClusterSecretStore":
        return [each for each in more if "stores" in each.resource]
    tokens = [each for each in rights("apply", store) if (each.home, each.resource) == ("tenant", READER_TOKENS)]
    return [*more, tokens[0]]


READER_TOKENS = "serviceaccounts/token"


@pytest.mark.parametrize(
    ("from_nothing", "right"),
    [(store, right) for store in STORES for right in applying(store)],
    ids=str,
    indirect=["from_nothing"],
)
def test_without_one_right_of_apply_a_take_over_fails_and_the_secret_is_never_absent(from_nothing, right):
    bench = from_nothing.bench
    before = bench.live_secret()["metadata"]["uid"]
    from_nothing.take(right)
    with pytest.raises(WardenError):
        from_nothing.take_over_and_apply()
    assert bench.live_secret()["metadata"]["uid"] == before


# -- deactivate -------------------------------------------------------------------------------------------------------


def test_the_rights_to_deactivate_are_enough_and_what_is_missing_is_said(bench):
    bench.ready().deploy()
    bench.change(consumers=(Consumer(deployment=f"{bench.namespace}/app", on_closing="stop"),))
    agent = Agent(bench, "deactivate")
    clusters = bench.clusters(coulombcore=agent.kube)
    needed = {(each.resource, each.verb): each for each in rights("deactivate", "SecretStore")}
    assert set(needed) == {
        *(("secrets", "get"), ("secrets", "delete"), ("externalsecrets", "get"), ("externalsecrets", "delete")),
        *(("pods", "list"), ("deployments", "get"), ("deployments", "patch"), ("serviceaccounts/token", "create")),
    }
    for resource, verb in (
        ("deployments", "patch"),
        ("externalsecrets", "delete"),
        ("serviceaccounts/token", "create"),
    ):
        right = needed[resource, verb]
        agent.take(right)
        done = bench.close(clusters=clusters)
        assert done.exit in {Exit.REFUSED, Exit.INCONCLUSIVE}, (right, done)
        agent.give_back(right)
    done = bench.close(clusters=clusters)
    assert done.exit == Exit.DONE, done.parts
    assert done.parts.denial.is_proven
    assert bench.live_secret()["code"] == 404
    agent.tidy()
