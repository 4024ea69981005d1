"""The first lane from end to end: OpenBao, External Secrets Operator, Secret, llm-connect, provider.

Everything is real but the kubelet and the provider. llm-connect runs as a local process with what its Deployment says:
its arguments, its environment and its volumes. Three things differ: it listens on loopback, its volumes are directories
of the test, and the provider is `llm-connect simulate-openrouter`.
"""

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import overlay
from demo.kubelet import mounted
from overlay import REPOSITORY, container_of, one, pod_of, volume

LANE, FIELD, CLUSTER = "openrouter-llm-connect", "OPENROUTER_API_KEY", "coulombcore"
MANAGEMENT = "provisioning-key"
FOREIGN = ("BAO_", "VAULT_", "WARDEN_", "LLM_CONNECT_", "OPENROUTER_", "KUBECONFIG")


def key():
    return f"sk-or-v1-{secrets.token_hex(32)}"


class Way:
    """The lane in a namespace of its own, and the programs at both ends of it."""

    def __init__(self, platform, folder):
        self.cluster, self.folder = platform.clusters[CLUSTER], folder
        self.namespace = f"consumer-{secrets.token_hex(4)}"
        self.overlay = overlay.elsewhere(folder / "overlay", self.namespace)
        self.provider_key = folder / "provider-key"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.env = kept | {
            "BAO_ADDR": platform.address,
            "BAO_CACERT": platform.ca,
            "BAO_TOKEN": platform.token("platform"),
            "KUBECONFIG": self.cluster.kubeconfig,
            "WARDEN_AUDIT": platform.audit_file,
            "WARDEN_JOURNAL": str(folder / "journal.db"),
            "WARDEN_PLATFORM": str(self._declared()),
            "WARDEN_STATE": platform.state,
        }

    def _declared(self):
        """A platform directory with this lane and that of its management key; they share no name with the real ones."""
        made = self.folder / "platform"
        (made / "catalog").mkdir(parents=True)
        for name in ("platform.yaml", "clusters.yaml"):
            shutil.copy(REPOSITORY / "platform" / name, made / name)
        for lane in (LANE, MANAGEMENT):
            text = (REPOSITORY / "platform" / "catalog" / f"{lane}.yaml").read_text()
            policy = f"  policy: workload-kv-read-{self.namespace}-{lane}\n"
            text = text.replace(overlay.NAMESPACE, self.namespace).replace("  fields: [", f"{policy}  fields: [", 1)
            text = text.replace("/railiance-platform/openrouter/", f"/{self.namespace}/openrouter/")
            (made / "catalog" / f"{lane}.yaml").write_text(text)
        return made

    def run(self, program, *argv, expect=0, stdin=""):
        """A program of this checkout; what it said."""
        command = [Path(sys.executable).parent / program, *argv]
        done = subprocess.run(
            command, env=self.env, input=stdin, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def put(self, value):
        """A new value in OpenBao, and in the cluster's Secret."""
        self.run("warden", "put", LANE, FIELD, stdin=value)
        self.run("warden", "sync", LANE, "--cluster", CLUSTER)

    def object(self, path):
        return self.cluster.must("GET", path.format(f"namespaces/{self.namespace}"))

    def secret(self):
        """The files of the volume `provider`, from the Secret that is in the cluster now."""
        declared = volume(one("Deployment"), "provider")["secret"]
        data = self.object(f"/api/v1/{{}}/secrets/{declared['secretName']}")["data"]
        return {item["path"]: base64.b64decode(data[item["key"]]) for item in declared["items"]}

    def token(self, account, projected):
        """A token as the kubelet projects it: for the audience that the volume names, else for the API server."""
        spec = {"expirationSeconds": projected["expirationSeconds"]}
        spec |= {"audiences": [projected["audience"]]} if "audience" in projected else {}
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return self.cluster.must("POST", path, body)["status"]["token"]

    # -- the gateway's pod ------------------------------------------------------------------------------------------

    def volumes(self):
        """A directory for each volume of the Deployment, filled as a kubelet does."""
        deployment = one("Deployment")
        places = {each["name"]: self.folder / "volumes" / each["name"] for each in pod_of(deployment)["volumes"]}
        (self.folder / "volumes").mkdir()
        for name in ("state", "tmp"):
            places[name].mkdir()
        mounted(places["provider"], self.secret(), volume(deployment, "provider")["secret"]["defaultMode"])
        token, authority = volume(deployment, "api-server")["projected"]["sources"]
        ca = self.object(f"/api/v1/{{}}/configmaps/{authority['configMap']['name']}")["data"]["ca.crt"]
        account = pod_of(deployment)["serviceAccountName"]
        own = self.token(account, token["serviceAccountToken"])
        mounted(places["api-server"], {"token": own.encode(), "ca.crt": ca.encode()})
        mounted(places["config"], {"llm-connect.toml": self.configuration(places["api-server"]).encode()})
        return places

    def configuration(self, api_server):
        """The ConfigMap that the live Deployment names, and where the volume with the token is here."""
        live = self.object("/apis/apps/v1/{}/deployments/llm-connect")
        name = volume(live, "config")["configMap"]["name"]
        text = self.object(f"/api/v1/{{}}/configmaps/{name}")["data"]["llm-connect.toml"]
        return f'{text}token_file = "{api_server}/token"\nca_file = "{api_server}/ca.crt"\n'

    @contextlib.contextmanager
    def gateway(self, places, upstream):
        """`llm-connect serve` as the Deployment has it; its address."""
        container = container_of(one("Deployment"))
        here = {each["mountPath"]: str(places[each["name"]]) for each in container["volumeMounts"]}
        environment = {each["name"]: moved(each["value"], here) for each in container["env"]}
        server = urlsplit(self.cluster.address)
        environment |= {"KUBERNETES_SERVICE_HOST": server.hostname, "KUBERNETES_SERVICE_PORT": str(server.port)}
        environment |= {"LLM_CONNECT_OPENROUTER_BASE_URL": upstream}
        argv = [{"0.0.0.0": "127.0.0.1", "8080": "0", "5": "0"}.get(each, each) for each in container["args"]]
        with self.program("gateway", argv, environment) as url:
            yield url

    @contextlib.contextmanager
    def program(self, name, argv, environment):
        """One of llm-connect's servers; its address. It is ended by its own pid."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [Path(sys.executable).parent / "llm-connect", *argv],
                env=self.env | environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        try:
            line = process.stdout.readline()
            assert line, (self.folder / f"{name}.log").read_text()
            yield json.loads(line)["url"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)

    @contextlib.contextmanager
    def provider(self, value):
        """The provider, which knows this key; `provider_key` is the file by which that is changed."""
        self.provider_key.write_text(value)
        argv = ["simulate-openrouter", "--port", "0", "--key-file", str(self.provider_key)]
        with self.program("provider", argv, {}) as url:
            yield url

    def smoke(self, url, *, expect=0, account="llm-connect-smoke", audience=""):
        """The smoke Job's own command, at another address and with the token it projects; or somebody else's token."""
        job = one("Job", overlay.SMOKE)
        projected = volume(job, "llm-connect-token")["projected"]["sources"][0]["serviceAccountToken"]
        file = self.folder / "caller-token"
        file.write_text(self.token(account, projected | ({"audience": audience} if audience else {})))
        argv = container_of(job)["args"]
        argv = [
            {argv[argv.index("--url") + 1]: url, argv[argv.index("--token-file") + 1]: str(file)}.get(a, a)
            for a in argv
        ]
        return self.run("llm-connect", *argv, expect=expect)

    def remove(self):
        told = self.cluster.kubectl
        name = f"{self.namespace}-token-review"
        told("delete", "clusterrole,clusterrolebinding", name, "--ignore-not-found")
        told("delete", "clustersecretstore", f"openbao-{self.namespace}", "--ignore-not-found")
        told("delete", "namespace", self.namespace, "--wait=false")


def moved(value, here):
    """A path below a mount, where that mount is here."""
    for mount, place in here.items():
        if value == mount or value.startswith(f"{mount}/"):
            return value.replace(mount, place, 1)
    return value


def key_version(url):
    with urlopen(f"{url}/ready", timeout=10) as answer:
        return json.load(answer)["key_versions"]


def strays(folder, mount, *keys):
    """Files of the programs and of the test with a key in them, but for the two where it has to be."""
    files = [path for path in folder.rglob("*") if path.is_file() and mount not in path.parents]
    found = [path for path in files if any(each.encode() in path.read_bytes() for each in keys)]
    return [path.name for path in found if path.name not in ("provider-key", "management-key")]
