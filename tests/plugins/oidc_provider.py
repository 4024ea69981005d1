"""A real identity provider and a real browser: npm's oidc-provider, and Chromium without a window.

    provider = request.getfixturevalue("oidc_provider")
    pages = provider.visit(url, "ada")          # ada logs in on that page; bob is in another group
    assert "Signed in" in pages[-1].text

Its people: `PEOPLE`. Their claim ``groups`` comes with the scope ``groups`` alone, as most providers do it.
"""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

SOURCES = Path(__file__).parent.parent / "oidc"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "warden"
PEOPLE = {"ada": {"groups": ["staff", "npm-publishers"]}, "bob": {"groups": ["staff"]}}
CALLBACK = "http://localhost:8250/oidc/callback"
NEEDED = {"node": "Node.js 20", "npm": "npm", "chromium": "chromium (tools/debian installs it)"}


class Page(msgspec.Struct, frozen=True):
    """A page that the browser has shown; ``screenshot`` is a PNG file."""

    url: str
    text: str
    screenshot: str


def missing() -> list[str]:
    """What is not on this machine."""
    return [words for program, words in NEEDED.items() if shutil.which(program) is None]


def packages() -> Path:
    """The folder ``node_modules``, as package-lock.json pins it; installed once."""
    digest = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()[:16]
    there = CACHE / f"oidc-{digest}"
    if not there.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            made = Path(folder) / "made"
            made.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SOURCES / name, made)
            npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            subprocess.run(npm, cwd=made, check=True, stdin=subprocess.DEVNULL)
            if not there.is_dir():
                made.rename(there)
    return there / "node_modules"


class OidcProvider:
    """A running provider: its ``issuer``, and the client that OpenBao is there."""

    client = "openbao"

    def __init__(self, folder: Path, redirects: list[str]) -> None:
        self.folder = folder
        self.secret = f"planted-client-secret-{secrets.token_hex(8)}"
        (folder / "node_modules").symlink_to(packages())
        for script in SOURCES.glob("*.mjs"):
            shutil.copy(script, folder)
        client = {"id": self.client, "secret": self.secret, "redirects": redirects}
        given = json.dumps({"client": client, "people": PEOPLE})
        with (folder / "provider.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["node", str(folder / "provider.mjs"), given],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                text=True,
            )
        assert self._process.stdout is not None
        self.issuer = self._process.stdout.readline().strip()
        assert self.issuer, (folder / "provider.log").read_text()

    def visit(self, url: str, person: str) -> list[Page]:
        """Every page that this person sees; nobody (an empty name) cancels the login."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        script = str(self.folder / "browser.mjs")
        done = subprocess.run(
            ["node", script, url, person, str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.folder,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()
        return [msgspec.json.decode(line, type=Page) for line in done.stdout.splitlines()]

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def oidc_provider(platform_server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    """A provider that sends people back to the command line, and to this OpenBao."""
    if lacking := missing():
        pytest.fail(f"the tests of logins with a browser need {', '.join(lacking)}", pytrace=False)
    direct = f"{platform_server.address}/v1/auth/netkingdom-direct/oidc/callback"
    provider = OidcProvider(tmp_path_factory.mktemp("oidc"), [CALLBACK, direct])
    yield provider
    provider.end()


if __name__ == "__main__":
    if lacking := missing():
        sys.exit(f"logins with a browser are not tested: this machine lacks {', '.join(lacking)}")
    packages()
