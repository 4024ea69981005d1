"""``warden rotate`` as a process: typed, piped, planned, due, killed with SIGKILL; and no value is seen anywhere."""

import fcntl
import glob
import json
import os
import time

import pytest
from canary import TALKATIVE, Canary
from killing_proxy import killing_proxy

pytestmark = pytest.mark.real

RANDOM = "rotation: [{field: API_KEY, every: 90d, source: random, settings: {length: 64}}]\n"
PROMPT = "rotation: [{field: API_KEY, every: 90d, source: prompt, settings: {create: the console}}]\n"
MANUAL = "rotation: [{field: API_KEY, every: 90d, source: manual}]\n"


class Rotating:
    """Whoever may rotate the lane, and what is there."""

    def __init__(self, engineer) -> None:
        self.world = engineer.world
        self.own = engineer.own | {"BAO_TOKEN": engineer.world.server.token("admin")}
        self.engineer = engineer
        done = engineer("apply", self.world.lane, "--take-over", "--yes")
        assert done.returncode == 0, done.stderr

    def __call__(self, *argv, **how):
        return self.engineer(*argv, **(self.own | how))

    def declare(self, rotation: str) -> None:
        text = self.world.lane_file.read_text().partition("rotation:")[0]
        self.world.lane_file.write_text(text + rotation)

    @property
    def fields(self) -> dict[str, str]:
        return self.world.server.must("GET", self.world.path.replace("platform/", "platform/data/", 1))["data"]["data"]

    @property
    def metadata(self) -> dict:
        return self.world.server.must("GET", self.world.path.replace("platform/", "platform/metadata/", 1))["data"]


@pytest.fixture
def rotating(engineer):
    found = Rotating(engineer)
    found.declare(RANDOM)
    return found


def test_the_value_is_replaced_and_its_sibling_kept(rotating):
    lane, before = rotating.world.lane, rotating.world.values
    done = rotating("rotate", lane, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["rotations"]
    assert (found["state"], found["old"], found["field"]) == ("done", "nobody-to-ask", "API_KEY")
    assert len(rotating.fields["API_KEY"]) == 64
    assert rotating.fields["SIGNING_KEY"] == before["SIGNING_KEY"]
    assert found["next_action"] == f"warden prove {lane}"


def test_the_plan_changes_nothing(rotating):
    done = rotating("rotate", rotating.world.lane, "--plan")
    assert done.returncode == 0
    assert "destroy the versions with the old value" in done.stdout
    assert rotating.fields == rotating.world.values
    assert "rotate" not in rotating("journal", "log").stdout


def test_nothing_is_rotated_without_being_agreed_to(rotating):
    done = rotating("rotate", rotating.world.lane)
    assert done.returncode == 2
    assert "add --yes to confirm" in done.stderr
    assert rotating.fields == rotating.world.values


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "name one lane, or give --due"),
        (["LANE", "--due", "--resume"], "cannot be used together"),
        (["LANE", "--resume"], "no rotation of"),
        (["LANE", "--field", "SIGNING_KEY", "--yes"], "rotates API_KEY, not SIGNING_KEY"),
        (["NOBODYS-LANE", "--yes"], "NOBODYS-LANE"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(rotating, argv, says):
    done = rotating("rotate", *(rotating.world.lane if each == "LANE" else each for each in argv))
    assert done.returncode not in {0, 3}
    assert says in done.stderr
    assert rotating.fields == rotating.world.values


def test_who_may_not_read_values_is_told_which_rights_are_missing(rotating):
    done = rotating.engineer("rotate", rotating.world.lane, "--yes")
    assert done.returncode == 4
    assert "warden doctor --for rotate" in done.stderr
    missing = rotating.engineer("doctor", "--for", "rotate", COLUMNS="200").stdout
    assert "platform/data/*" in missing
    assert "rotate" not in rotating.engineer("doctor", COLUMNS="200").stdout.partition("who-can")[0][-400:]


def test_another_rotation_of_the_lane_on_this_machine_is_told(rotating):
    """The lock of the lane is there after its first rotation; that of the server is not held."""
    lane = rotating.world.lane
    assert rotating("rotate", lane, "--yes").returncode == 0
    (lock,) = glob.glob(os.path.join(rotating.world.server.state, "locks", f"*-{lane}.lock"))
    with open(lock, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = rotating("rotate", lane, "--yes")
    assert done.returncode == 5
    assert f"another warden is rotating {lane} from this machine, and warden rotate does not wait" in done.stderr


def test_status_says_what_is_due_and_due_rotates_it(rotating):
    lane = rotating.world.lane
    rotating.declare(RANDOM.replace("90d", "1s"))
    time.sleep(2.1)
    proven = rotating("prove", lane)
    assert proven.returncode == 0, proven.stdout
    (found,) = json.loads(rotating("status", lane, "--json").stdout)
    assert found["next_reason"] == "rotation-due"
    assert found["next_action"] == f"warden rotate {lane} --due"
    done = rotating("rotate", "--due", "--yes")
    assert done.returncode == 0, done.stderr
    assert "done: API_KEY in version 2" in done.stdout
    rotating.declare(RANDOM)
    assert rotating("rotate", "--due", "--yes").stdout == "Nothing is due.\n"


@pytest.mark.parametrize("argv", [("--yes",), ("--plan",)])
def test_that_nothing_is_due_is_not_said_where_nobody_could_be_asked(rotating, argv):
    rotating.declare(RANDOM.replace("90d", "1s"))
    done = rotating("rotate", "--due", *argv, BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 3
    assert "Nothing is due" not in done.stdout
    assert rotating.world.lane in done.stdout
    shown = rotating("rotate", "--due", *argv, "--json", BAO_ADDR="http://127.0.0.1:1")
    (found,) = json.loads(shown.stdout)["rotations"]
    assert (shown.returncode, found["state"]) == (3, "error")


def test_a_value_that_a_person_brings_is_waited_for_and_status_says_so(rotating):
    lane = rotating.world.lane
    rotating.declare(MANUAL)
    waiting = rotating("rotate", lane, "--yes")
    assert waiting.returncode == 5
    assert "make a new value at its provider" in waiting.stdout
    (found,) = json.loads(rotating("status", lane, "--json").stdout)
    assert (found["next_reason"], found["next_action"]) == ("rotating", f"warden rotate {lane} --resume")
    again = rotating("rotate", lane, "--yes")
    assert again.returncode == 5
    assert "is being rotated already" in again.stderr
    brought = rotating("rotate", lane, "--resume", stdin="a-new-value-of-a-person\n")
    assert brought.returncode == 5
    assert "end the old key at its provider" in brought.stdout
    assert rotating.fields["API_KEY"] == "a-new-value-of-a-person"
    assert rotating("rotate", lane, "--resume").returncode == 0
    assert [each["destroyed"] for each in rotating.metadata["versions"].values()] == [True, False]


def test_it_can_be_given_up(rotating):
    lane = rotating.world.lane
    rotating.declare(MANUAL)
    assert rotating("rotate", lane, "--yes").returncode == 5
    given_up = rotating("rotate", lane, "--abandon", "--yes")
    assert (given_up.returncode, "nothing was deleted" in given_up.stdout) == (0, True)
    assert "rotation" not in rotating.metadata["custom_metadata"]
    rotating.declare(RANDOM)
    assert rotating("rotate", lane, "--yes").returncode == 0


def test_on_a_terminal_the_plan_is_shown_the_id_asked_for_and_the_value_typed_unseen(rotating, typing):
    rotating.declare(PROMPT)
    lane, new = rotating.world.lane, "typed-and-never-shown-42"
    process, terminal = typing("rotate", lane, BAO_TOKEN=rotating.own["BAO_TOKEN"])
    seen = b""
    for prompt, reply in ((f"Type {lane}".encode(), lane), (b"(not shown)", new)):
        while prompt not in seen:
            seen += os.read(terminal, 4096)
        os.write(terminal, f"{reply}\n".encode())
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    assert process.wait(30) == 0, seen.decode()
    os.close(terminal)
    assert b"write it, siblings untouched" in seen
    assert new.encode() not in seen
    assert rotating.fields["API_KEY"] == new


@pytest.mark.timeout(120)
def test_neither_the_old_value_nor_the_new_one_is_seen_anywhere(rotating):
    lane, world = rotating.world.lane, rotating.world
    old, brought = world.values["API_KEY"], f"sk-brought-{os.urandom(16).hex()}"
    canary = Canary(old, world.values["SIGNING_KEY"], brought, rotating.own["BAO_TOKEN"])
    (world.folder / "tmp").mkdir()
    more = TALKATIVE | {"TMPDIR": str(world.folder / "tmp")}
    with canary.watching_arguments():
        for rotation, argv, stdin in (
            (PROMPT, ["rotate", lane, "--plan", "--json"], ""),
            (PROMPT, ["rotate", lane, "--yes"], ""),
            (PROMPT, ["rotate", lane, "--resume", "--json"], old),
            (PROMPT, ["rotate", lane, "--yes", "--json"], brought),
            (PROMPT, ["rotate", lane, "--yes"], brought),
            (MANUAL, ["rotate", lane, "--yes"], f"{brought}-too"),
            (MANUAL, ["rotate", lane, "--resume"], ""),
            (RANDOM, ["rotate", lane, "--yes", "--json"], ""),
            (RANDOM, ["journal", "log", "--json"], ""),
            (RANDOM, ["status", "--json"], ""),
        ):
            rotating.declare(rotation)
            done = rotating(*argv, stdin=stdin, **more)
            canary.look(f"stdout of {' '.join(argv)}", done.stdout.encode())
            canary.look(f"stderr of {' '.join(argv)}", done.stderr.encode())
            assert "Traceback" not in done.stderr
            assert "defect" not in done.stderr
            Canary(rotating.fields["API_KEY"]).look_below(world.folder)
    canary.look_below(world.folder)
    Canary(old, brought).look("custom metadata", json.dumps(rotating.metadata).encode())


@pytest.mark.parametrize("number", [1, 5, 6, 10])
def test_killed_with_sigkill_at_a_write_it_is_shown_and_resumed(rotating, number):
    """A rotation from `random` changes OpenBao in ten requests."""
    lane = rotating.world.lane
    with killing_proxy(rotating.world.server.address) as proxy:

        def at(asked):
            return len([each for each in asked if each[0] in {"POST", "PUT", "PATCH"}]) == number

        proxy.at, proxy.answered = at, True
        environ = rotating.world.env(**(rotating.own | {"BAO_ADDR": proxy.address}))
        assert proxy.run(["warden", "rotate", lane, "--yes"], environ, "") == -9
    (found,) = json.loads(rotating("status", lane, "--json").stdout)
    (killed,) = found["interrupted"]
    assert (killed["operation"], killed["state"]) == ("rotate", "killed")
    assert killed["next_action"] == f"warden rotate {lane} --resume"
    done = rotating("rotate", lane, "--resume")
    assert done.returncode == 0, done.stderr
    versions = rotating.metadata["versions"]
    assert [each["destroyed"] for each in versions.values()] == [*[True] * (len(versions) - 1), False]
    assert rotating.fields["API_KEY"] != rotating.world.values["API_KEY"]
    assert "rotation" not in rotating.metadata["custom_metadata"]
    (found,) = json.loads(rotating("status", lane, "--json").stdout)
    assert found["interrupted"] == []
