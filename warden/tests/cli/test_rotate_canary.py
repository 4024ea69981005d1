"""`warden rotate` at each provider, which repeats the keys that it gets in its error messages."""

import pytest
from canary import TALKATIVE, Canary
from source_benches import BENCHES


@pytest.fixture(params=BENCHES)
def provided(request, lane_world):
    """A lane whose key the provider issued, and the lane of its management key."""
    with BENCHES[request.param]() as provider:
        settings = "".join(f"    {name}: '{value}'\n" for name, value in (provider.settings | {"timeout": "1"}).items())
        rotation = f"rotation:\n  field: API_KEY\n  every: 90d\n  source: {provider.name}\n"
        rotation += (
            f"  management: {lane_world.lane}-manager\n  refused: {{times: 1, over: 1s}}\n  settings:\n{settings}"
        )
        text = lane_world.lane_file.read_text()
        manager = text.replace(f"{lane_world.lane}\n", f"{lane_world.lane}-manager\n").replace(
            "[API_KEY, SIGNING_KEY]", "[MANAGEMENT_KEY]"
        )
        manager = manager.replace(f"- workload: {lane_world.tenant}/api", f"- workload: {lane_world.tenant}/rotator")
        lane_world.lane_file.write_text(text + rotation)
        lane_world.lane_file.with_name(f"{lane_world.lane}-manager.yaml").write_text(manager)
        lane_world.server.overwrite(f"{lane_world.path}-manager", {"MANAGEMENT_KEY": provider.management})
        lane_world.values["API_KEY"] = provider.old
        lane_world.fill(lane_world.values)
        lane_world.provider = provider
        yield lane_world


def values_in(world):
    """Every value that the path has had, and has."""
    found = world.server.must("GET", world.path.replace("platform/", "platform/data/", 1))["data"]["data"]
    return {*world.provider.planted, *world.values.values(), *filter(None, (found or {}).values())}


def test_no_key_is_in_what_a_rotation_says_and_leaves(provided):
    world, told, ends = provided, "", []
    env = {"BAO_TOKEN": world.server.token("admin"), **TALKATIVE}
    for on, argv in (("list", "--yes"), ("create", "--yes"), ("test", "--resume")):
        world.provider.lie(on, "echo-key")
        with Canary(*world.provider.planted).watching_arguments():
            done = world.run("rotate", world.lane, argv, *(("--json",) if on == "test" else ()), **env)
        assert "Traceback" not in done.stderr, done.stderr
        told += done.stdout + done.stderr
        ends.append(done.returncode)
    assert ends == [4, 4, 0], told
    canary = Canary(*values_in(world))
    canary.look("what was said", told.encode())
    canary.look_below(world.folder)
