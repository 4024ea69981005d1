"""A bench for what happens in clusters: one lane of its own, delivered by the real operator from the real OpenBao."""

import base64
import datetime as dt
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import msgspec
import pytest
import yaml

from warden.adapters.identities import ByMount, ClusterIssuer, NoIssuer
from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.kubernetes.client import Kubernetes
from warden.adapters.kubernetes.kubeconfig import connect
from warden.adapters.openbao.audit_log import AuditFiles
from warden.adapters.whereabouts import Here
from warden.core.clusters.manifests import Manifest, Reached, external_secret_of
from warden.core.clusters.rbac import Asking
from warden.core.errors import WardenError
from warden.core.lanes.delivery_target import DeclaredCluster, DeliveryTarget, target, targets, with_cluster_readers
from warden.core.lanes.lane import Consumer, Custody, Delivery, Lane, Owner, Owners, Workload, WorkloadReader
from warden.core.openbao.resources import Settings
from warden.core.plans.lane_plan import LaneOptions
from warden.core.proofs.verdict import Proof, Verdict
from warden.core.secret import Secret
from warden.present.verdicts import explanation
from warden.usecases.adopt import Adoption, Tools, adopt
from warden.usecases.context import Context
from warden.usecases.deactivate import Closing, deactivate
from warden.usecases.prove import ProveOptions, prove
from warden.usecases.put import put
from warden.usecases.reactivate import Opening, reactivate
from warden.usecases.steps.adoption import Adopted
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.steps.closing_denial import ProbeTools
from warden.usecases.steps.closing_lane import ClosingOptions
from warden.usecases.steps.copies import CopiesSearch
from warden.usecases.steps.exposure import Exposures
from warden.usecases.steps.prove_delivery import DeliveryTools
from warden.usecases.steps.refresh import PATIENCE, refresh
from warden.usecases.targets.cluster import ClusterTarget
from warden.usecases.targets.openbao import OpenBaoTarget

FIRST = "coulombcore"
OWNERS = Owners(
    custody=Owner(repo="railiance-platform", doc="docs/openbao.md"),
    consumer=Owner(repo="llm-connect", doc="README.md"),
    runtime=Owner(repo="activity-core", doc="README.md"),
)


class ClustersOf:
    """The port Clusters, with connections that a test has made."""

    embedded = False

    def __init__(self, declared: dict, connected: dict, reached: Reached) -> None:
        self.declared = declared
        self._connected = connected
        self._reached = reached

    def __getitem__(self, name: str):
        return self._connected[name]

    def reached(self, _: DeliveryTarget) -> Reached:
        return self._reached


class ClusterBench:
    """One lane of a namespace of its own; `kube` is the cluster as warden's account sees it."""

    def __init__(self, platform, unique: Callable[[str], str], folder: Path) -> None:
        self.platform = platform
        environ = {"BAO_ADDR": platform.address, "BAO_CACERT": platform.ca}
        self.journal = SqliteJournal(str(folder / "journal.db"), whereabouts=Here(str(folder), environ))
        self.folder = folder
        self.unique = unique
        self.name = unique("lane")
        self.namespace = unique("tenant")
        self.value = f"sk-planted-{unique('value')}-{os.urandom(12).hex()}"
        self.declared = {
            name: DeclaredCluster(context=name, auth_mount=handle.auth_mount)
            for name, handle in platform.clusters.items()
        }
        self.patience = PATIENCE
        self.made: list[tuple[str, str]] = []
        self.wide: list[str] = []
        self.afterwards: list[Callable[[], object]] = []
        self.lane = self.make()
        self.kubes: dict[str, Kubernetes] = {}

    def make(self, **fields: object) -> Lane:
        usual = {
            "id": self.name,
            "title": f"the key of {self.name}",
            "status": "active",
            "reviewed": dt.date(2026, 11, 1),
            "owners": OWNERS,
            "custody": Custody(path=f"platform/workloads/tenant/{self.name}/{self.name}-secrets", fields=("API_KEY",)),
            "readers": (WorkloadReader(workload=Workload(self.namespace, "app")),),
            "deliveries": {FIRST: Delivery(external_secret=f"{self.namespace}/{self.name}")},
        }
        return Lane(**usual | fields)

    def change(self, **fields: object) -> None:
        """Declare the lane anew with other fields."""
        self.lane = msgspec.structs.replace(self.lane, **fields)

    # -- what there is -----------------------------------------------------------------------------------------------

    def handle(self, cluster: str = FIRST):
        return self.platform.clusters[cluster]

    def kube(self, cluster: str = FIRST) -> Kubernetes:
        if cluster not in self.kubes:
            self.kubes[cluster] = connect(cluster, cluster, {"KUBECONFIG": self.handle(cluster).kubeconfig})
        return self.kubes[cluster]

    def dead(self, cluster: str = FIRST) -> Kubernetes:
        """The cluster as if its API server were not there: nobody listens where the kubeconfig says."""
        found = yaml.safe_load(Path(self.handle(cluster).kubeconfig).read_text())
        for each in found["clusters"]:
            each["cluster"]["server"] = "https://127.0.0.1:1"
        path = self.folder / "dead.kubeconfig"
        path.write_text(yaml.safe_dump(found))
        return connect(cluster, cluster, {"KUBECONFIG": str(path)})

    def kube_as(self, account: str, cluster: str = FIRST) -> Kubernetes:
        """The cluster as another account of the lane's namespace sees it."""
        found = yaml.safe_load(Path(self.handle(cluster).kubeconfig).read_text())
        token = self.handle(cluster).token(f"{self.namespace}/{account}", audience=self.audience(cluster))
        named = self.cluster_named_in(found, cluster)
        server = next(each["cluster"] for each in found["clusters"] if each["name"] == named)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": server}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "c",
        }
        path = self.folder / f"{account}.kubeconfig"
        path.write_text(json.dumps(config))
        return connect(cluster, "c", {"KUBECONFIG": str(path)})

    @staticmethod
    def cluster_named_in(found: dict, cluster: str) -> str:
        return next(each["context"]["cluster"] for each in found["contexts"] if each["name"] == cluster)

    def audience(self, cluster: str) -> str:
        """What the API server takes tokens for: its own issuer, as each token that it makes without a wish says."""
        account = self.url("serviceaccount", "default")  # made by a controller, a moment after the namespace
        self.until(lambda: self.handle(cluster).admin("GET", account)[0] == 200)
        made = self.handle(cluster).must("POST", f"{account}/token", {"spec": {}})
        claims = made["status"]["token"].split(".")[1]
        return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["aud"][0]

    @property
    def whole_lane(self) -> Lane:
        return with_cluster_readers(self.lane, self.declared)

    def target(self, cluster: str = FIRST) -> DeliveryTarget:
        return target(self.whole_lane, cluster, self.declared)

    @property
    def reached(self) -> Reached:
        return Reached(address=self.platform.address, ca=Path(self.platform.ca).read_text())

    @property
    def role(self) -> str:
        return f"auth/{self.declared[FIRST].auth_mount}/role/{self.lane.role_of(self.lane.readers[0])}"

    @property
    def data(self) -> str:
        return self.lane.custody.path.replace("platform/", "platform/data/", 1)

    @property
    def policy(self) -> str:
        return f"sys/policies/acl/{self.lane.custody.policy_name}"

    # -- raw requests, for what a test arranges or looks at ----------------------------------------------------------

    def url(self, kind: str, name: str = "", namespace: str = "") -> str:
        group, plural = {
            "secret": ("api/v1", "secrets"),
            "pod": ("api/v1", "pods"),
            "serviceaccount": ("api/v1", "serviceaccounts"),
            "externalsecret": ("apis/external-secrets.io/v1", "externalsecrets"),
            "secretstore": ("apis/external-secrets.io/v1", "secretstores"),
            "rolebinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
            "role": ("apis/rbac.authorization.k8s.io/v1", "roles"),
            "deployment": ("apis/apps/v1", "deployments"),
            "configmap": ("api/v1", "configmaps"),
            "cronjob": ("apis/batch/v1", "cronjobs"),
            "pushsecret": ("apis/external-secrets.io/v1alpha1", "pushsecrets"),
            "vaultdynamicsecret": ("apis/generators.external-secrets.io/v1alpha1", "vaultdynamicsecrets"),
        }[kind]
        return f"/{group}/namespaces/{namespace or self.namespace}/{plural}" + (f"/{name}" if name else "")

    def merge(self, kind: str, name: str, patch: object, cluster: str = FIRST):
        """Merge into an object, as somebody with ``kubectl patch`` would."""
        where = f"{self.url(kind, name)}?fieldManager=kubectl-patch"
        return self.handle(cluster).must("PATCH", where, patch, "application/merge-patch+json")

    def edit(self, kind: str, name: str, change: Callable[[dict], object], cluster: str = FIRST) -> None:
        """Replace an object by what `change` makes of it, as somebody with ``kubectl edit`` would."""
        found = self.handle(cluster).must("GET", self.url(kind, name))
        change(found)
        self.handle(cluster).must("PUT", f"{self.url(kind, name)}?fieldManager=kubectl-edit", found)

    def remove(self, kind: str, name: str, cluster: str = FIRST, **query: str) -> None:
        rest = "&".join(f"{key}={value}" for key, value in query.items())
        self.handle(cluster).must("DELETE", self.url(kind, name) + (f"?{rest}" if rest else ""))
        self.until(lambda: self.handle(cluster).admin("GET", self.url(kind, name))[0] == 404)

    def create(self, kind: str, body: Manifest, cluster: str = FIRST, namespace: str = ""):
        return self.handle(cluster).must("POST", self.url(kind, namespace=namespace), body)

    def whole_cluster(self, plural: str, body: Manifest) -> None:
        """Make a role or binding of the first cluster, which ends with this bench."""
        where = f"/apis/rbac.authorization.k8s.io/v1/{plural}"
        self.handle().must("POST", where, body)
        self.wide.append(f"{where}/{body['metadata']['name']}")

    def live_secret(self, cluster: str = FIRST) -> dict:
        return self.handle(cluster).admin("GET", self.url("secret", self.name))[1]

    def delivered(self, cluster: str = FIRST) -> str:
        data = (self.live_secret(cluster).get("data") or {}).get("API_KEY", "")
        return base64.b64decode(data).decode()

    @staticmethod
    def until(look: Callable[[], object], seconds: float = 60.0):
        end = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.03)
        return found

    def collected(self) -> None:
        """Wait until the Secret went after its owner: a new cluster's collector looks for new kinds every 30 s."""
        self.until(lambda: self.live_secret().get("code") == 404, 90.0)

    def may(self, user: str, groups: Sequence[str] = (), **attributes: str) -> bool:
        """Whether the API server of the first cluster lets it pass by now: roles come to it by way of a cache."""
        spec = {"user": user, "groups": [*groups, "system:authenticated"], "resourceAttributes": attributes}
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(self.handle().must("POST", path, {"spec": spec})["status"].get("allowed"))

    def lets(self, account: str, asked: Iterable[Asking]) -> None:
        """Wait until an account of the lane's namespace may do all of that."""
        user = f"system:serviceaccount:{self.namespace}:{account}"
        for each in asked:
            self.until(partial(self.may, user, **each.attributes))

    # -- verbs -------------------------------------------------------------------------------------------------------

    def vault(self, part: str = "platform"):
        return self.platform.vault(part)

    def tenant(self, *clusters: str) -> None:
        """The tenant's namespace, in each cluster that the lane is delivered to."""
        for cluster in clusters or tuple(self.lane.deliveries):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
            if self.handle(cluster).admin("POST", "/api/v1/namespaces", body)[0] == 201:
                self.made.append((cluster, self.namespace))

    def plan(self):
        return self.openbao_target().plan()

    def openbao_target(self):
        return OpenBaoTarget(self.whole_lane, self.vault(), (self.whole_lane,), settings=Settings())

    def cluster_target(self, cluster: str = FIRST, **how: bool):
        return ClusterTarget(self.target(cluster), self.kube(cluster), self.reached, **how)

    def plan_there(self, cluster: str = FIRST, **how: bool):
        return self.cluster_target(cluster, **how).plan()

    def apply(self, *, take_over: bool = False, there: bool = True) -> None:
        apply_target(self.openbao_target(), self.journal, LaneOptions(yes=True))
        for each in targets(self.whole_lane, self.declared):
            if there and not each.by_hand:
                self.apply_there(each.cluster, take_over=take_over)

    def apply_there(self, cluster: str = FIRST, *, take_over: bool = False):
        return apply_target(self.cluster_target(cluster, take_over=take_over), self.journal, LaneOptions(yes=True))

    def put(self, value: str | None = None, field: str = "API_KEY") -> None:
        put(self.lane, {field: Secret(value or self.value)}, self.vault(), self.journal, as_is=True)

    def ready(self) -> "ClusterBench":
        """Applied, filled and delivered."""
        self.tenant()
        self.apply()
        self.put()
        for each in targets(self.whole_lane, self.declared):
            if not each.by_hand:
                self.synced(each.cluster)
        return self

    def synced(self, cluster: str = FIRST) -> None:
        """Poke, and wait until that was followed: the operator writes the Secret first, and its status afterwards."""
        poke = {"metadata": {"annotations": {"poke": os.urandom(4).hex()}}}
        before, _ = followed(self.merge("externalsecret", self.name, poke, cluster))

        def done() -> bool:
            version, ready = followed(self.handle(cluster).must("GET", self.url("externalsecret", self.name)))
            return ready and version != before

        self.until(done)
        assert self.delivered(cluster)

    def refreshed(self, word: str) -> None:
        """Ask until it comes to that: what a store says now reaches the operator on another way than the asking."""
        ref = external_secret_of(self.target())
        self.until(lambda: refresh(self.kube(), ref, self.patience).followed == word, 90.0)

    def context(self, clusters: "ClustersOf | None" = None) -> Context:
        return Context(
            lanes={self.lane.id: self.whole_lane},
            settings=Settings(),
            vault=self.vault(),
            vaults=self.vault,
            clusters=clusters or self.clusters(),
            journal=self.journal,
            audit_device="file",
            alone=lambda _: nullcontext(),
        )

    def clusters(self, **instead: object) -> "ClustersOf":
        """The port Clusters; `instead` puts another connection in the place of one."""
        connected = {name: self.kube(name) for name in self.declared} | instead
        return ClustersOf(self.declared, connected, self.reached)

    def delivery_tools(self) -> DeliveryTools:
        return DeliveryTools(
            clusters=self.clusters(),
            device="file",
            exposures=Exposures(),
            copies=CopiesSearch(),
            patience=self.patience,
        )

    def prove(self, *, clusters: "ClustersOf | None" = None, identities: object = None, **options: object) -> Proof:
        issuers = {each.auth_mount: ClusterIssuer(self.kube(name)) for name, each in self.declared.items()}
        chosen = ProveOptions(**{"run": self.unique("wp"), "patience": self.patience} | options)
        return prove(
            [self.whole_lane],
            self.context(clusters),
            identities or ByMount(issuers, NoIssuer(self.platform.address)),
            AuditFiles([self.platform.audit_file]),
            chosen,
        )[0]

    def tools(self, clusters: "ClustersOf | None" = None) -> ProbeTools:
        """What readers are played with when the lane is closed or opened."""
        issuers = {name: (clusters or self.clusters())[name] for name in self.declared}
        by_mount = {
            self.declared[name].auth_mount: ClusterIssuer(kube)
            for name, kube in issuers.items()
            if not isinstance(kube, WardenError)
        }
        audit = AuditFiles([self.platform.audit_file])
        identities = ByMount(by_mount, NoIssuer(self.platform.address))
        return ProbeTools(identities=identities, audit=audit, run=self.unique("wc"))

    def close(self, reason: str = "tenant left", *, clusters: "ClustersOf | None" = None, **how: object) -> Closing:
        options = ClosingOptions(**{"denial": self.tools(clusters), "patience": self.patience} | how)
        return deactivate(self.whole_lane, reason, self.context(clusters), options=options)

    def reopen(self) -> Opening:
        return reactivate(self.whole_lane, "fixed", self.context(), LaneOptions(yes=True), self.tools())

    def adopt(self, cluster: str = FIRST, **how: object) -> Adopted:
        tools = Tools(
            vault=self.vault(),
            cluster=self.kube(cluster),
            audit=AuditFiles([self.platform.audit_file]),
            journal=self.journal,
            device="file",
            run=self.unique("wa"),
            patience=self.patience,
            rollout=how.pop("rollout", 1.0),
        )
        adoption = Adoption(
            delivery=self.target(cluster),
            openbao=self.openbao_target(),
            cluster=self.cluster_target(cluster),
            tools=tools,
        )
        return adopt(adoption, **how)

    # -- consumers ---------------------------------------------------------------------------------------------------

    def deploy(
        self,
        cluster: str = FIRST,
        *,
        how: str = "directory",
        uses: str = "",
        started: str = "",
        spec: dict | None = None,
    ) -> None:
        """A Deployment ``app`` with one running pod; no kubelet is here, so its status is written by hand."""
        self.change(consumers=(Consumer(deployment=f"{self.namespace}/app"),))
        template = {"metadata": {"labels": {"app": "app"}}, "spec": spec or pod_spec(uses or self.name, how)}
        whole = {"replicas": 1, "selector": {"matchLabels": {"app": "app"}}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}, "spec": whole}
        self.create("deployment", body, cluster)
        self.run_pods(cluster, started)

    def run_pods(self, cluster: str = FIRST, started: str = "", *, counted: bool = False, **container: object) -> None:
        """Every pod of the namespace runs since `started` (now); `container` says otherwise of its container.

        Controllers see them as ready where they are to be `counted`.
        """
        items = self.until(lambda: self.handle(cluster).must("GET", self.url("pod"))["items"])
        since = started or f"{dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
        state = {"name": "app", "ready": True, "restartCount": 0, "image": "app", "imageID": "app"}
        status = {
            "phase": "Running",
            "containerStatuses": [state | {"state": {"running": {"startedAt": since}}} | container],
        }
        status |= {"conditions": [{"type": "Ready", "status": "True"}]} if counted else {}
        for pod in items:
            where = f"{self.url('pod', pod['metadata']['name'])}/status"
            self.handle(cluster).admin("PATCH", where, {"status": status}, "application/merge-patch+json")

    def settle(self, cluster: str = FIRST) -> None:
        """What a kubelet does after a change: pods that a controller made run, and those that it deletes are gone."""
        if self.handle(cluster).admin("GET", self.url("deployment", "app"))[0] != 200:
            return

        def done() -> bool:
            found = self.handle(cluster).must("GET", self.url("deployment", "app"))
            wanted, status = found["spec"]["replicas"], found.get("status") or {}
            seen = status.get("observedGeneration") == found["metadata"]["generation"]
            counts = [status.get(each, 0) for each in ("replicas", "readyReplicas", "updatedReplicas")]
            if seen and counts == [wanted] * 3:
                return True
            self.run_pods(cluster, counted=True)
            return False

        self.until(done)

    @staticmethod
    def found(proof: Proof, result: str) -> set[str]:
        """The ids of the verdicts with that result."""
        return {verdict.probe for verdict in proof.verdicts if verdict.result == result}

    @staticmethod
    def shown(proof: Proof) -> str:
        """The verdicts that are not as they should be, to be read when a test fails."""
        wrong = [v for v in proof.verdicts if v.result != "ok"]
        return json.dumps([[v.result, v.probe, v.observed, explanation(v)] for v in wrong], indent=1)

    @staticmethod
    def verdict(proof: Proof, probe: str, reader: str = "") -> Verdict:
        found = [v for v in proof.verdicts if v.probe == probe and (not reader or v.reader == reader)]
        assert found, f"no verdict {probe} among {[v.probe for v in proof.verdicts]}"
        return found[0]

    def another_namespace(self, cluster: str = FIRST) -> str:
        """A namespace beside the tenant's, which goes with the test."""
        name = f"{self.namespace}-beside"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.handle(cluster).must("POST", "/api/v1/namespaces", body)
        self.made.append((cluster, name))
        return name

    def tidy(self) -> None:
        for place in self.wide:
            self.handle().admin("DELETE", place)
        for each in self.afterwards:
            each()
        for cluster, namespace in self.made:
            self.handle(cluster).leave(namespace)


def followed(external: Manifest) -> tuple[str, bool]:
    """Which version of an ExternalSecret the operator says that it followed, and whether it says Ready."""
    status = external.get("status") or {}
    ready = [each["status"] for each in status.get("conditions") or () if each["type"] == "Ready"]
    return status.get("syncedResourceVersion") or "", ready == ["True"]


def pod_spec(secret: str, how: str) -> dict:
    """A pod that takes the Secret as a ``directory``, by ``subpath``, in its ``environment``, or not at all."""
    container: dict = {"name": "app", "image": "app"}
    spec: dict = {"containers": [container]}
    if how == "environment":
        container["envFrom"] = [{"secretRef": {"name": secret}}]
    elif how != "none":
        mount = {"name": "key", "mountPath": "/etc/key"} | ({"subPath": "API_KEY"} if how == "subpath" else {})
        container["volumeMounts"] = [mount]
        spec["volumes"] = [{"name": "key", "secret": {"secretName": secret}}]
    return spec


@pytest.fixture(scope="session")
def cluster_bench_of(cluster_platform) -> Callable[[Path], ClusterBench]:
    """Makes benches that outlive one test; who makes one tidies it."""
    return lambda folder: ClusterBench(cluster_platform, lambda stem: f"{stem}-{secrets.token_hex(4)}", folder)


@pytest.fixture
def bench(cluster_platform, unique: Callable[[str], str], tmp_path: Path) -> Iterator[ClusterBench]:
    """A lane that is declared for the first cluster, and nowhere yet."""
    made = ClusterBench(cluster_platform, unique, tmp_path)
    yield made
    made.tidy()
