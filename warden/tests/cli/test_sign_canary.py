"""The CA's private key, the user's, and the caller's tokens show up nowhere when certificates are signed."""

import pytest
from canary import TALKATIVE, Canary
from ssh_actor import ActorWorld


@pytest.fixture
def world(lane_world) -> ActorWorld:
    """The actor, with its keys outside the folder that is searched."""
    found = ActorWorld(lane_world)
    outside = found.folder.with_name(f"{found.folder.name}-outside")
    outside.mkdir()
    for file in (found.ca, found.key):
        file.rename(outside / file.name)
    found.replace(str(found.ca), str(outside / found.ca.name))
    found.ca, found.key = outside / found.ca.name, outside / found.key.name
    (found.folder / "tmp").mkdir()
    return found


@pytest.mark.parametrize("broken", ["nothing", "authority", "server", "journal", "out"])
def test_no_private_key_and_no_token_is_said_or_left(world, broken):
    token, file = world.token(), world.ca.with_name("service-account")
    file.write_text(world.server.mint(world.lane_world.reader))
    bodies = ["".join(each.read_text().splitlines()[1:-1])[60:120] for each in (world.ca, world.key)]
    canary = Canary(token, file.read_text(), *bodies)
    changed = {"TMPDIR": str(world.folder / "tmp"), **TALKATIVE}
    changed |= {"BAO_ADDR": "http://127.0.0.1:1"} if broken == "server" else {}
    changed |= {"WARDEN_JOURNAL": "/dev/null"} if broken == "journal" else {}
    if broken == "authority":
        world.ca.write_text(world.ca.read_text().replace("A", "B"))
    out = ["--out", str(world.folder / ("missing/cert" if broken == "out" else "key-cert.pub"))]
    ends = []
    with canary.watching_arguments():
        for argv in (
            ["--pubkey", str(world.public_key)],
            ["--pubkey", str(world.public_key), *out, "--json"],
            ["--pubkey", str(world.key), "--json"],
            ["--pubkey", str(world.public_key), "--token-file", str(file)],
            ["--pubkey", str(world.public_key), "--token-file", str(world.key)],
        ):
            done = world.run("sign", world.actor, *argv, **({"BAO_TOKEN": token} | changed))
            ends.append(done.returncode)
            canary.look(f"stdout of {argv}", done.stdout.encode())
            canary.look(f"stderr of {argv}", done.stderr.encode())
            assert "Traceback" not in done.stderr
    assert (0 in ends) == (broken in {"nothing", "out"}), ends
    assert canary.look_below(world.folder)
