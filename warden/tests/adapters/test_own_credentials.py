"""A file that cannot be presented is named with the reason for it."""

import pytest

from warden.adapters.own_credentials import names_in
from warden.core.errors import UsageError


def complaint(path):
    with pytest.raises(UsageError) as fault:
        names_in(str(path))
    return str(fault.value)


def test_a_certificate_that_is_not_there_is_not_called_something_else(tmp_path):
    assert complaint(tmp_path / "nope") == f"{tmp_path}/nope does not exist"
    assert complaint(tmp_path) == f"{tmp_path} cannot be read (Is a directory)"
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    assert complaint(empty) == f"{empty} is not a PEM file with a certificate and its key"
