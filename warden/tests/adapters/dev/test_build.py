"""Building a cluster's programs: what is missing, what is in the way, who waits for whom. Go itself is played where its
part is to be slow, old or unlucky; the real one builds in `make test-cluster`."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from warden.adapters.dev import build

BUILD = (
    "from warden.adapters.dev import build; "
    "print(build.programs(lambda text: print(text, flush=True), lambda *_: None).eso)"
)
GO = """\
#!/bin/sh
[ "$1" = env ] && { echo go1.26.0; exit 0; }
[ "$1" = list ] && { echo "$FAKE_DIR"; exit 0; }
out=; while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
echo $$ >> "$FAKE_DIR/builds"
echo some/package >&2
sleep "${FAKE_SLEEP:-0}"
while [ -e "$FAKE_DIR/held" ]; do sleep 0.05; done
[ -n "$FAKE_FAULT" ] && { echo "$FAKE_FAULT" >&2; exit 1; }
case $PWD in
  */eso) echo operator > "$out/eso";;
  *) for name in server kube-apiserver kube-controller-manager kubectl; do echo "$name" > "$out/$name"; done;;
esac
"""


class World:
    """A home with a cache, and a Go of which only the parts are real that matter here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache" / "warden" / "cluster"
        (folder / "bin").mkdir()
        (folder / "deploy/crds").mkdir(parents=True)
        (folder / "deploy/crds/bundle.yaml").write_text("kind: List\n")
        self.go(GO)

    def go(self, text: str) -> None:
        (self.folder / "bin" / "go").write_text(text)
        (self.folder / "bin" / "go").chmod(0o700)

    def start(self, **environ: str) -> "subprocess.Popen[str]":
        env = {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "FAKE_DIR": str(self.folder),
        }
        command = [sys.executable, "-W", "error", "-c", BUILD]
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=env | environ, **both)

    def run(self, **environ: str) -> tuple[int, str, str]:
        child = self.start(**environ)
        out, err = child.communicate(timeout=60)
        return child.returncode, out, err

    @property
    def builds(self) -> int:
        return len((self.folder / "builds").read_text().splitlines()) if (self.folder / "builds").exists() else 0

    @property
    def kept(self) -> list[str]:
        return sorted(re.sub("-.*", "", path.name) for path in self.cache.iterdir() if path.is_dir())


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_it_says_what_it_will_cost_builds_each_module_once_and_then_nothing(world):
    code, out, err = world.run()
    assert (code, err) == (0, "")
    assert "GB in Go's caches" in out
    assert re.search(r"building Kubernetes v1\.\d+\.\d+\nbuilt Kubernetes .* in \d+ s", out)
    assert re.search(r"building External Secrets Operator v\d", out)
    assert world.kept == ["controlplane", "eso"]
    programs = Path(out.splitlines()[-1])
    assert sorted(path.name for path in programs.iterdir()) == ["crds.yaml", "external-secrets"]
    assert world.builds == 2
    assert len(world.run()[1].splitlines()) == 1
    assert world.builds == 2


def test_one_module_that_changed_is_built_alone(world):
    world.run()
    shutil.rmtree(next(world.cache.glob("eso-*")))
    _, out, _ = world.run()
    assert "Kubernetes" not in out
    assert world.builds == 3


@pytest.mark.parametrize(
    ("go", "said"),
    [
        (None, "there is no go on PATH"),
        ("#!/bin/sh\necho go1.19.8\n", "go1.19.8"),
        ("#!/bin/sh\nexit 1\n", "does not answer as Go does"),
    ],
)
def test_a_go_that_is_missing_or_too_old_is_told_before_anything_is_built(world, go, said):
    if go is None:
        (world.folder / "bin" / "go").unlink()
    else:
        world.go(go)
    code, out, err = world.run(PATH=f"{world.folder}/bin")
    assert code
    assert out == ""
    assert "NotFound" in err
    assert said in err
    assert "built with Go 1.26 or newer" in err
    assert world.kept == []


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("write /x: no space left on device", "Inconclusive", "the disk filled up"),
        ("a@v1: Get: dial tcp 127.0.0.1:1: connect: connection refused", "Unreachable", "cannot be fetched"),
        ("main.go:3:8: no such package", "Inconclusive", "main.go:3:8: no such package"),
    ],
)
def test_a_build_that_fails_says_why_and_keeps_nothing(world, fault, kind, said):
    code, _, err = world.run(FAKE_FAULT=fault)
    assert code
    assert kind in err
    assert said in err
    assert world.kept == []
    assert fault in (world.cache / "build.log").read_text()
    assert world.run()[0] == 0


@pytest.mark.parametrize("cache", ["/proc/nobody", "/dev/null/cache"])
def test_a_cache_that_cannot_be_written_is_named(world, cache):
    code, _, err = world.run(XDG_CACHE_HOME=cache)
    assert code
    assert f"{cache}/warden/cluster cannot be written" in err
    assert world.builds == 0


def test_programs_in_a_cache_that_cannot_be_written_are_used(world):
    world.run()
    (world.cache / "lock").unlink()
    world.cache.chmod(0o500)
    assert world.run()[0] == 0
    assert not (world.cache / "lock").exists()


def test_of_two_at_once_one_builds_and_the_other_waits_and_says_so(world):
    (world.folder / "held").touch()
    both = [world.start() for _ in range(2)]
    first = [child.stdout.readline() for child in both]
    (world.folder / "held").unlink()
    said = [line + child.communicate(timeout=60)[0] for line, child in zip(first, both, strict=True)]
    assert [child.returncode for child in both] == [0, 0]
    assert world.builds == 2
    waited = [text for text in said if "waiting for it" in text]
    assert len(waited) == 1
    assert "building" not in waited[0].replace("is building", "")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_cut_short_leaves_nothing_that_the_next_one_trusts(world, how):
    child = world.start(FAKE_SLEEP="30")
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("building"):
            break
    end = time.monotonic() + 10
    while world.builds == 0 and time.monotonic() < end:
        time.sleep(0.05)
    child.send_signal(how)
    child.communicate(timeout=20)
    go = int((world.folder / "builds").read_text())
    if how == signal.SIGINT:
        assert list(world.cache.glob("*-*")) == []
        assert not Path(f"/proc/{go}").exists()
    else:
        os.kill(go, signal.SIGKILL)
    assert world.run()[0] == 0
    assert world.kept == ["controlplane", "eso"]


def test_the_real_go_without_a_network_says_so(world, tmp_path):
    if not shutil.which("go"):
        pytest.skip("no go here")
    (world.folder / "bin" / "go").unlink()
    nowhere = {"GOPROXY": "http://127.0.0.1:1", "GOMODCACHE": str(tmp_path / "mod"), "GOCACHE": str(tmp_path / "go")}
    code, _, err = world.run(PATH=os.environ["PATH"], GOFLAGS="", **nowhere)
    assert code
    if "NotFound" in err:
        pytest.skip("this go is too old")
    assert "Unreachable" in err
    assert "a Go module cannot be fetched" in err


def test_the_wheel_has_what_a_build_needs(tmp_path):
    project = Path(build.__file__).parents[4]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = {name.removeprefix("warden/adapters/dev/") for name in wheel.namelist()}
    assert {"go/controlplane/go.mod", "go/controlplane/go.sum", "go/eso/go.mod", "go/eso/go.sum"} <= names
    assert {"go/eso/main.go", "manifests/accounts.yaml", "manifests/eso-rights.yaml"} <= names
