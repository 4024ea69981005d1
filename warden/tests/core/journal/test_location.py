"""Where a journal may be, and that no password is part of it."""

import pytest

from warden.core.journal.location import is_postgresql, location_fault

PLANTED = "planted-hunter2"


@pytest.mark.parametrize(
    "good",
    [
        "/var/lib/warden/journal.db",
        "journal.db",
        "postgresql://db.example/warden",
        "postgres://warden@db.example:5433/warden",
        "postgresql://warden@[2001:db8::1]:5432/warden?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://warden@a.example,b.example:5433/warden?target_session_attrs=primary",
        "postgresql:///warden?host=/run/postgresql&user=warden",
        "postgresql:///?service=warden",
        "postgresql://warden%40corp@db.example/warden",
    ],
)
def test_what_can_be_used(good):
    assert location_fault(good) == ""


@pytest.mark.parametrize(
    "bad",
    [
        f"postgresql://warden:{PLANTED}@db.example/warden",
        f"postgres://:{PLANTED}@db.example/warden",
        f"postgresql://warden:{PLANTED}@db.example,b.example/warden",
        f"postgresql://warden:{PLANTED}/@db.example/warden",
        f"postgresql://warden:a@{PLANTED}@db.example/warden",
        f"postgresql://db.example/warden?password={PLANTED}",
        f"postgresql://db.example/warden?sslmode=disable&sslpassword={PLANTED}",
        f"postgresql://db.example/warden?pass%77ord={PLANTED}",
        f"postgresql://db.example/warden?oauth_client_secret={PLANTED}",
        f"postgresql://db.example/warden?options=-c%20x={PLANTED}",
        f"host=db.example password={PLANTED}",
        f"host=db.example PASSWORD = '{PLANTED}'",
        f"mysql://warden:{PLANTED}@db.example/warden",
        f"postgresql://db.example/warden\n{PLANTED}",
    ],
)
def test_a_password_is_refused_and_not_quoted(bad):
    fault = location_fault(bad)
    assert fault
    assert PLANTED not in fault


def test_which_is_which():
    assert is_postgresql("postgres://a")
    assert is_postgresql("postgresql://a")
    assert not is_postgresql("postgresql")
    assert not is_postgresql("/postgresql://a")
