"""What tests hold of the overlay of llm-connect: its manifests, and the same in a namespace of the test's own."""

import secrets
import shutil
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FOLDER = REPOSITORY / "deploy" / "k8s" / "activity-core-llm-connect"
SMOKE = FOLDER / "smoke"
TRIAGE = FOLDER.parent / "activity-core-triage"
NAMESPACE = "activity-core"

RESTRICTED = "pod-security.kubernetes.io/enforce"

Manifest = dict[str, Any]


class InNamespace:
    """A namespace of the test's own in a cluster, where the Pod Security Standard restricted is enforced."""

    def __init__(self, cluster, prefix):
        self.cluster, self.namespace = cluster, f"{prefix}-{secrets.token_hex(4)}"
        metadata = {"name": self.namespace, "labels": {RESTRICTED: "restricted"}}
        cluster.must("POST", "/api/v1/namespaces", {"metadata": metadata})

    def kubectl(self, *argv, stdin=""):
        return self.cluster.kubectl("-n", self.namespace, *argv, stdin=stdin)

    def told(self, *argv, stdin=""):
        """`kubectl` that has to work; its output."""
        done = self.kubectl(*argv, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


def manifests(folder: Path = FOLDER) -> list[Manifest]:
    """The objects in the files that the folder's kustomization names, as they are written."""
    resources = kustomization(folder)["resources"]
    return [each for name in resources for each in yaml.safe_load_all((folder / name).read_text())]


def kustomization(folder: Path = FOLDER) -> Manifest:
    return dict(yaml.safe_load((folder / "kustomization.yaml").read_text()))


def one(kind: str, folder: Path = FOLDER) -> Manifest:
    """The only object of that kind."""
    (found,) = [each for each in manifests(folder) if each["kind"] == kind]
    return found


def pod_of(manifest: Manifest) -> Manifest:
    """The pod that a Deployment or a Job makes."""
    return dict(manifest["spec"]["template"]["spec"])


def container_of(manifest: Manifest) -> Manifest:
    (container,) = pod_of(manifest)["containers"]
    return dict(container)


def volume(manifest: Manifest, name: str) -> Manifest:
    (found,) = [each for each in pod_of(manifest)["volumes"] if each["name"] == name]
    return dict(found)


def elsewhere(folder: Path, namespace: str) -> Path:
    """A copy of the overlay for another namespace; what it has of the whole cluster is named after that."""
    for path in [each for each in FOLDER.rglob("*") if each.is_file()]:
        copy = folder / path.relative_to(FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text().replace(NAMESPACE, namespace)
        copy.write_text(text.replace("llm-connect-token-review", f"{namespace}-token-review"))
    return folder


def triage_elsewhere(folder: Path, namespace: str) -> Path:
    """A copy of the triage's folder for another namespace."""
    shutil.copytree(TRIAGE, folder)
    said = kustomization(folder) | {"namespace": namespace}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(said))
    return folder
