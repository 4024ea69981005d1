"""Only certificates of the platform directory are published."""

import os

import pytest
import trustme

from warden.adapters.catalog.authorities import LARGEST, declared_authorities
from warden.core.errors import UsageError


@pytest.fixture(scope="session")
def pem():
    return trustme.CA().cert_pem.bytes().decode()


@pytest.fixture
def platform(tmp_path):
    (tmp_path / "platform" / "catalog").mkdir(parents=True)
    return tmp_path / "platform"


def why(platform, named):
    with pytest.raises(UsageError) as caught:
        declared_authorities(str(platform), named)
    return str(caught.value.problem)


def test_certificates_are_written_anew_and_nothing_else_of_the_file(platform, pem):
    key = trustme.CA().issue_cert("localhost").private_key_pem.bytes().decode()
    (platform / "ca.pem").write_text(f"# hvs.secret\n{pem}{key}{pem}trailing words\n")
    assert declared_authorities(str(platform), "ca.pem") == pem + pem
    (platform / "certs").mkdir()
    (platform / "certs" / "linked.pem").symlink_to("../ca.pem")
    assert declared_authorities(str(platform), "certs/linked.pem") == pem + pem


@pytest.mark.parametrize("named", ["../token", "/etc/hostname", "catalog/../../token", "link", "folder/token"])
def test_a_path_that_leads_out_of_the_platform_directory_is_not_followed(platform, pem, named):
    (platform.parent / "token").write_text(pem)
    (platform / "link").symlink_to("../token")
    (platform / "folder").symlink_to("..")
    assert "leads out of the platform directory" in why(platform, named)


@pytest.mark.parametrize(
    "content", ["", "hvs.not-a-certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"]
)
def test_what_is_not_a_certificate_is_not_published(platform, content):
    (platform / "ca.pem").write_text(content)
    assert "cannot be read as PEM" in why(platform, "ca.pem")


def test_only_a_regular_file_of_a_sensible_size_is_read(platform, pem):
    os.mkfifo(platform / "pipe")
    assert "not a regular file" in why(platform, "pipe")
    assert "is a directory" in why(platform, "catalog")
    assert "no such file" in why(platform, "missing")
    (platform / "huge").write_text(pem * (LARGEST // len(pem) + 1))
    assert "larger than" in why(platform, "huge")
    (platform / "ca.pem").write_text(pem)
    (platform / "ca.pem").chmod(0o666)
    assert "NotTrusted" in str(why(platform, "ca.pem"))
