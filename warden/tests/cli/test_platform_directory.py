"""Which platform directory a command uses, and what it says of that."""

import os
import shutil

import pytest

WITH_EFFECTS = [
    ["access", "LANE"],
    ["access", "LANE", "--", "true"],
    ["adopt", "LANE", "--cluster", "none"],
    ["apply", "LANE"],
    ["deactivate", "LANE", "--reason", "a test"],
    ["plan", "LANE"],
    ["prove", "LANE"],
    ["put", "LANE", "API_KEY"],
    ["reactivate", "LANE", "--reason", "a test"],
    ["sync", "LANE"],
]
READING = [["catalog", "check"], ["route", "show", "LANE"], ["route", "list"], ["status"]]


@pytest.fixture
def run(lane_world):
    """Run a command where nothing names the platform directory."""

    def run(*argv, **changed):
        words = [lane_world.lane if word == "LANE" else word for word in argv]
        return lane_world.run(*words, **({"WARDEN_PLATFORM": "", "BAO_TOKEN": lane_world.token()} | changed))

    return run


def configure(world, text):
    file = world.folder / "home" / ".config" / "warden" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize("argv", WITH_EFFECTS, ids=" ".join)
def test_a_command_with_effects_names_the_directory_that_it_found_here(run, lane_world, argv):
    assert f"platform directory: {lane_world.folder}/platform\n" in run(*argv).stderr
    assert "platform directory" not in run(*argv, WARDEN_PLATFORM=str(lane_world.folder / "platform")).stderr
    assert "platform directory" not in run(*argv, "--json").stderr if "--" not in argv else True


@pytest.mark.parametrize("argv", WITH_EFFECTS, ids=" ".join)
def test_it_uses_the_configured_one_wherever_it_runs(run, lane_world, argv):
    other = lane_world.folder / "elsewhere" / "platform"
    shutil.copytree(lane_world.folder / "platform", other)
    configure(lane_world, f'platform = "{other}"\n')
    lane_world.lane_file.write_text("no yaml: [")
    said = run(*argv).stderr
    assert f"platform directory: {other} (configured; {lane_world.folder}/platform is not used)\n" in said
    assert "catalog check" not in said


@pytest.mark.parametrize("argv", READING, ids=" ".join)
def test_a_command_that_only_reads_looks_here_first_and_says_nothing(run, lane_world, argv):
    (lane_world.folder / "elsewhere" / "platform" / "catalog").mkdir(parents=True)
    configure(lane_world, f'platform = "{lane_world.folder}/elsewhere"\n')
    done = run(*argv)
    assert lane_world.lane in done.stdout or argv[0] == "catalog"
    assert "platform directory" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("argv", [*WITH_EFFECTS, *READING], ids=" ".join)
def test_a_directory_of_somebody_else_is_refused_by_every_command(run, lane_world, argv):
    platform = lane_world.folder / "platform"
    os.chown(platform / "catalog", 65534, 65534)
    done = run(*argv)
    assert done.returncode == (125 if "--" in argv else 2), done.stderr
    assert f"platform is not trusted: {platform}/catalog belongs to nobody. Nothing was" in done.stderr.replace(
        "\n", ""
    )
    assert f"export WARDEN_TRUSTED={platform}" in done.stderr
    assert not done.stdout
    assert "is not trusted" not in run(*argv, WARDEN_TRUSTED=str(platform)).stderr
