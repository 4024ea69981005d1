"""Clusters of the embedded platform, on the real programs: their life, their faults, and what they have."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from cluster_platform import OURS

from warden.adapters.dev import Embedded, process, state
from warden.adapters.dev.cluster import Cluster
from warden.adapters.dev.components import TITLES
from warden.adapters.kubernetes import kubeconfig, kubeconfig_writer
from warden.adapters.kubernetes.client import Kubernetes
from warden.core.errors import NotFound, Refused, ServerFault, Unreachable, UsageError
from warden.core.secret import Secret
from warden.present.errors import hint, message

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.real,
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("dev-cluster"),  # the cluster that they break is started once
    OURS,
]
UP = (
    "import sys; from warden.adapters.dev import Embedded; "
    "print(Embedded(sys.argv[1]).up(lambda text: print(text, flush=True), sys.argv[2:])[1])"
)
ORDER = ("etcd", "kube-apiserver", "kube-controller-manager", "external-secrets")


def up_elsewhere(home, *names):
    """`up` in a process of its own, as another terminal would."""
    command = [sys.executable, "-u", "-W", "error", "-c", UP, home, *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ours(home):
    """The pids of everything that runs from below that directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            program = (entry / "exe").readlink().name
        except OSError:
            continue
        if f"{home}/dev".encode() in text and program in {*ORDER, "bao"}:
            found.append(int(entry.name))
    return found


def answering(cluster):
    return {part.name: part.answers for part in cluster.status()}


WHOLE = dict.fromkeys(ORDER, True)


@pytest.fixture
def home(tmp_path):
    """A state directory whose path is not a valid URL; whatever runs there afterwards is ended."""
    directory = tmp_path / 'a "state" é'
    yield str(directory)
    Embedded(str(directory)).wipe()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A platform with one cluster that the tests of this module break."""
    embedded = Embedded(str(tmp_path_factory.mktemp("shared")))
    embedded.up(lambda _: None, ["broken"])
    yield embedded
    embedded.wipe()


def up(embedded, *names):
    said = []
    status, started = embedded.up(said.append, names)
    assert status.up
    assert [answering(embedded.cluster(name)) for name in embedded.clusters] == [WHOLE] * len(embedded.clusters)
    return started, said


def keep(cluster):
    """Something in the cluster that has to survive."""
    kube = cluster.admin()
    kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": "kept"}})
    return lambda: cluster.admin().request("GET", "/api/v1/namespaces/kept").status == 200


def test_two_clusters_are_two(cluster_platform):
    first, second = (cluster_platform.clusters[name] for name in ("coulombcore", "railiance01"))
    assert first.address != second.address
    assert (first.auth_mount, second.auth_mount) == ("kubernetes", "kubernetes-railiance01")
    assert first.cluster.ca != second.cluster.ca
    first.must("POST", "/api/v1/namespaces", {"metadata": {"name": "only-here"}})
    assert second.admin("GET", "/api/v1/namespaces/only-here")[0] == 404


def test_each_login_is_reviewed_by_its_own_cluster(cluster_platform):
    first, second = (cluster_platform.clusters[name] for name in ("coulombcore", "railiance01"))
    bound = {"bound_service_account_names": "default", "bound_service_account_namespaces": "default"}
    for cluster in (first, second):
        path = f"auth/{cluster.auth_mount}/role/reviewed"
        cluster_platform.must("POST", path, {**bound, "audience": "openbao"})

    def login(cluster, jwt):
        body = {"role": "reviewed", "jwt": jwt}
        return cluster_platform.call("POST", f"auth/{cluster.auth_mount}/login", body, token=None)[0]

    assert [login(each, each.token("default/default")) for each in (first, second)] == [200, 200]
    assert login(second, first.token("default/default")) == 403
    assert login(first, first.token("default/default", audience="elsewhere")) == 403
    # for OpenBao only: the API server itself does not take it
    jwt = Secret(first.token("default/default"))
    access = kubeconfig_writer.config("c", first.address, first.cluster.ca, token=jwt)
    assert Kubernetes("c", access).request("GET", "/api").status == 401


def test_the_kubeconfig_has_warden_and_an_administrator_for_each_cluster(cluster_platform):
    cluster = cluster_platform.clusters["coulombcore"]
    found = yaml.safe_load(Path(cluster.kubeconfig).read_text())
    assert found["current-context"] == "coulombcore"
    assert Path(cluster.kubeconfig).stat().st_mode & 0o777 == 0o600
    who = cluster.kubectl("auth", "whoami", "-o", "json", context="coulombcore")
    user = json.loads(who.stdout)["status"]["userInfo"]["username"]
    assert user == "system:serviceaccount:warden:warden"
    groups = json.loads(cluster.kubectl("auth", "whoami", "-o", "json").stdout)["status"]["userInfo"]["groups"]
    assert "system:masters" in groups


def test_everything_that_is_kept_is_private(cluster_platform):
    found = list(Path(cluster_platform.state).rglob("*"))
    assert len(found) > 60
    assert [str(path) for path in found if path.lstat().st_mode & 0o077 and path.name != "db"] == []


def test_no_token_is_in_arguments_environments_or_logs(cluster_platform):
    root = Path(cluster_platform.embedded.layout.root)
    tokens = [line.split(",")[0] for path in root.rglob("callers.csv") for line in path.read_text().splitlines()]
    tokens += [user["user"]["token"] for user in yaml.safe_load((root / "kubeconfig").read_text())["users"]]
    assert len(set(tokens)) >= 6
    seen = b"".join(path.read_bytes() for path in root.rglob("*.log"))
    for pid in ours(cluster_platform.state):
        seen += Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    assert b"--token-auth-file" in seen
    assert [token[:8] for token in tokens if token.encode() in seen] == []


def test_nobody_without_a_certificate_of_the_cluster_reaches_etcd(cluster_platform):
    cluster = cluster_platform.clusters["coulombcore"].cluster
    etcd = next(part.address for part in cluster.status() if part.name == "etcd")
    with pytest.raises(Unreachable):
        Kubernetes("c", kubeconfig_writer.config("c", etcd, cluster.ca)).health("/health")


def test_up_twice_changes_nothing(shared):
    before = shared.cluster("broken").status()
    assert up(shared) == (False, [])
    assert shared.cluster("broken").status() == before


@pytest.mark.parametrize("victim", [*ORDER, "bao"])
def test_a_killed_process_is_started_again_where_it_was(shared, victim):
    cluster = shared.cluster("broken")
    kept = keep(cluster)
    before, address = cluster.status(), shared.status().address
    pids = {part.name: part.pid for part in before} | {"bao": shared.status().pid}
    os.kill(pids[victim], signal.SIGKILL)
    process.wait_for(lambda: process.ended(pids[victim]) or None, 30)
    assert not (shared.status().up if victim == "bao" else answering(cluster)[victim])
    started, said = up(shared)
    assert started
    assert len(said) == 1
    assert [part.address for part in cluster.status()] == [part.address for part in before]
    assert shared.status().address == address
    assert kept()


def test_all_of_it_killed_at_once_comes_back_whole(shared):
    kept = keep(shared.cluster("broken"))
    pids = ours(Path(shared.layout.root).parent)
    assert len(pids) == 5
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    process.wait_for(lambda: all(process.ended(pid) for pid in pids) or None, 30)
    up(shared)
    assert kept()


def test_down_ends_everything_in_order_and_up_brings_the_same_back(shared):
    cluster = shared.cluster("broken")
    kept = keep(cluster)
    assert shared.down()
    assert not shared.down()
    assert ours(Path(shared.layout.root).parent) == []
    assert set(answering(cluster).values()) == {False}
    assert up(shared)[0]
    assert kept()


def bound(taker, port):
    with contextlib.suppress(OSError):
        taker.bind(("127.0.0.1", port))
        return True
    return None


@pytest.mark.parametrize("part", ["etcd", "api", "controllers", "eso"])
def test_a_port_that_somebody_else_took_is_left_to_them(shared, part):
    cluster = shared.cluster("broken")
    kept = keep(cluster)
    name = ORDER[("etcd", "api", "controllers", "eso").index(part)]
    port = next(int(each.address.rpartition(":")[2]) for each in cluster.status() if each.name == name)
    operator = cluster.status()[-1].pid
    cluster.stop(part)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert process.wait_for(lambda: bound(other, port), 30)  # who ended holds its port for some milliseconds more
        other.listen()
        assert not answering(cluster)[name]
        up(shared)
        assert f":{port}" not in str(cluster.status())
    # Whoever called the old port was started anew: the controllers work, and the operator is another process.
    namespace = f"seen-{part}"
    cluster.admin().must("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    assert process.wait_for(lambda: cluster.admin().request("GET", account).status == 200 or None, 60)
    assert cluster.status()[-1].pid != operator
    assert kept()
    assert kubeconfig.current(shared.layout.kubeconfig).cluster.server == cluster.address


def test_a_port_that_is_taken_between_choice_and_start_is_exchanged(shared, monkeypatch):
    cluster = shared.cluster("broken")
    cluster.stop("api")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        free = process.free_port
        ports = iter([taken])
        monkeypatch.setattr(process, "free_port", lambda preferred=0: next(ports, None) or free(preferred))
        said = []
        assert cluster.start("api", said.append)
        assert len(said) == 2
    monkeypatch.undo()
    up(shared)


def test_a_part_that_hangs_is_exchanged(shared):
    cluster = shared.cluster("broken")
    hung = next(part.pid for part in cluster.status() if part.name == "external-secrets")
    os.kill(hung, signal.SIGSTOP)
    threading.Timer(1, os.kill, (hung, signal.SIGCONT)).start()  # SIGTERM reaches a stopped process when it goes on
    cluster.stop("eso")
    assert process.ended(hung)
    assert up(shared)[0]


def test_a_part_that_ends_at_once_is_told_with_its_own_words(shared):
    cluster = shared.cluster("broken")
    cluster.stop("controllers")
    key = Path(f"{shared.layout.clusters}/broken/accounts.key")
    content = key.read_bytes()
    key.write_text("no key")
    try:
        with pytest.raises(ServerFault, match=r"kube-controller-manager of broken did not come up: .*key") as caught:
            shared.up(lambda _: None)
        assert "kube-controller-manager.log" in hint(caught.value)
    finally:
        key.write_bytes(content)
    up(shared)


def test_controllers_are_up_when_each_of_them_has_begun(shared, monkeypatch):
    """The manager says that it is well before it has begun with any; with an invalid key it ends after that."""
    up(shared)

    def answering():
        return {part.name for part in shared.cluster("broken").status() if part.answers}

    assert answering() == set(TITLES.values())
    monkeypatch.setattr(Kubernetes, "health", lambda _self, _path: "healthz check passed\n")
    assert answering() == set(TITLES.values()) - {"kube-controller-manager"}


def test_what_did_not_come_up_takes_only_itself_down(shared):
    """A second cluster that cannot start: what ran before runs on."""
    before = shared.cluster("broken").status()
    blocked = Path(shared.layout.clusters, "second")
    blocked.write_text("no directory")
    try:
        with pytest.raises(Exception, match="second"):
            shared.up(lambda _: None, ["second"])
        assert shared.cluster("broken").status() == before
        assert shared.status().up
    finally:
        blocked.unlink()
        Path(shared.layout.cluster_names).write_text('["broken"]')
    assert up(shared) == (False, [])


def test_openbao_without_clusters_becomes_one_with_a_cluster_and_keeps_its_values(home):
    embedded = Embedded(home)
    embedded.up(lambda _: None)
    assert embedded.status().address.startswith("http://")
    assert not Path(embedded.layout.tls).exists()
    embedded._server().admin().put_fields("platform", "kept", {"it": Secret("kept")})
    _, said = up(embedded, "later")
    assert any("becomes https" in line for line in said)
    assert any(line.startswith("auth/kubernetes is a real Kubernetes mount from now on") for line in said)
    server = embedded._server()
    assert server.address.startswith("https://")
    values = server.admin().read("platform", "kept").fields
    assert values["it"].reveal() == "kept"
    _, said = up(embedded, "third")
    assert any("and its clusters" in line for line in said)
    assert embedded.clusters == ("later", "third")
    assert "auth/kubernetes-third/role/*" in server.admin().policy("warden-apply")
    assert embedded.wipe()
    assert ours(home) == []
    assert not Path(embedded.layout.root).exists()


def test_two_ups_at_once_make_one_cluster(home):
    others = [up_elsewhere(home, "twice") for _ in range(2)]
    said = [other.communicate(timeout=120) for other in others]
    assert [err for _, err in said] == ["", ""]
    assert sorted(out.split()[-1] for out, _ in said) == ["False", "True"]
    assert len(ours(home)) == 5


@pytest.mark.parametrize(
    ("how", "after"),
    [
        (signal.SIGINT, "etcd"),
        (signal.SIGINT, "kube-apiserver"),
        (signal.SIGINT, "external-secrets"),
        (signal.SIGKILL, "kube-apiserver"),
        (signal.SIGKILL, "kube-controller-manager"),
    ],
)
def test_an_up_that_is_cut_short_is_made_good_by_the_next(home, how, after):
    victim = up_elsewhere(home, "cut")
    assert victim.stdout is not None
    for line in victim.stdout:
        if f"cut: {after} starting" in line:
            break
    victim.send_signal(how)
    victim.communicate(timeout=120)
    if how == signal.SIGINT:
        assert ours(home) == []
    assert up(Embedded(home))[0]


def test_an_etcd_that_was_ended_before_it_was_a_member_starts_anew(home):
    """Killed between making its log and writing itself down there it never has a leader again (one kill in twenty)."""

    def cut_short(text):
        if "cut: etcd starting" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Embedded(home).up(cut_short, ["cut"])
    logs = Path(home) / "dev/clusters/cut/etcd/member/wal"
    logs.mkdir(parents=True)
    (logs / "0000000000000000-0000000000000000.wal").touch()
    started, said = up(Embedded(home))
    assert started
    assert any("before etcd held anything: starting anew" in line for line in said)
    cluster = Embedded(home).cluster("cut")
    is_there = keep(cluster)
    cluster.down()
    up(Embedded(home))
    assert is_there()


def test_a_store_that_has_answered_once_is_never_discarded(shared):
    cluster = shared.cluster("broken")
    is_there = keep(cluster)
    state.write(cluster._files.initialising, "left by a command that was killed\n")
    assert not cluster.start("etcd", print)
    cluster.down()
    up(shared)
    assert is_there()


@pytest.mark.parametrize("name", ["", "Bad", "a_b", "-a", "a-", "a" * 64, "a.b", "broken-admin"])
def test_a_name_that_no_cluster_can_have_is_refused_before_anything_starts(shared, name):
    with pytest.raises(UsageError) as caught:
        shared.up(lambda _: None, [name])
    assert "Nothing was done" in message(caught.value)
    assert shared.clusters == ("broken",)


def test_a_cluster_that_is_not_there_is_named_with_those_that_are(shared):
    with pytest.raises(NotFound) as caught:
        shared.cluster("other")
    assert "it has: broken" in message(caught.value)


def test_an_api_server_that_is_down_is_unreachable_and_not_a_refusal(shared):
    cluster = shared.cluster("broken")
    cluster.stop("api")
    with pytest.raises(Unreachable):
        cluster.admin().must("GET", "/api/v1/namespaces")
    up(shared)
    stranger = kubeconfig_writer.config("c", cluster.address, cluster.ca)
    with pytest.raises(Refused):
        Kubernetes("c", stranger).must("GET", "/api/v1/namespaces")


def test_somebody_elses_cluster_gets_the_operator_only(shared, home):
    """An API server that is there already, as WARDEN_TEST_KUBECONFIG names one."""
    admin = f"{Path(home).parent}/admin.kubeconfig"
    found = yaml.safe_load(Path(shared.layout.kubeconfig).read_text())
    state.write(admin, yaml.safe_dump(found | {"current-context": "broken-admin"}))
    shared.cluster("broken").stop("eso")
    embedded = Embedded(home, kubeconfig=admin)
    try:
        embedded.up(lambda _: None, ["theirs"])
        cluster = embedded.cluster("theirs")
        assert isinstance(cluster, Cluster)
        assert answering(cluster) == {"external-secrets": True}
        assert cluster.address == shared.cluster("broken").address
        assert len(ours(home)) == 2
    finally:
        embedded.wipe()
    up(shared)


@pytest.mark.parametrize("text", ["", "{}", "a: [", "current-context: x\ncontexts: []"])
def test_a_file_that_is_not_a_kubeconfig_is_named(tmp_path, text):
    (tmp_path / "config").write_text(text)
    with pytest.raises(UsageError) as caught:
        kubeconfig.current(str(tmp_path / "config"))
    assert "is not a kubeconfig with a current context" in message(caught.value)
