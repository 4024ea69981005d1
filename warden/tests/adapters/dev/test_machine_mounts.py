"""A platform that an earlier version made gets the auth mounts of readers that are not pods."""

import json
from pathlib import Path

import pytest

from warden.adapters.dev import Embedded
from warden.adapters.dev.issuer import JOB_ISSUERS

pytestmark = pytest.mark.real


def test_an_earlier_platform_is_given_them(tmp_path):
    embedded = Embedded(str(tmp_path))
    try:
        embedded.up(lambda _: None)
        admin = embedded._server().admin()
        for mount in (*JOB_ISSUERS, "approle", "cert"):
            admin.disable_auth(mount)
        Path(embedded.layout.keys, "jobs.pem").unlink()
        published = Path(embedded.layout.published)
        published.write_text(json.dumps(json.loads(published.read_text()) | {"policies": "earlier"}))
        embedded.up(lambda _: None)
        kinds = {mount: admin.auth_type(mount) for mount in (*JOB_ISSUERS, "approle", "cert")}
        assert kinds == {"github": "jwt", "gitlab": "jwt", "approle": "approle", "cert": "cert"}
        assert embedded.issuer.job("github", {"repository": "a/b"}, "openbao", 60)
    finally:
        embedded.wipe()
