"""put on a real OpenBao, with rights that let nobody read a value."""

import subprocess
import sys
import threading
import time

import msgspec
import pytest

from warden.adapters.openbao.client import OpenBao
from warden.core.access.value_check import Doubt, doubts
from warden.core.errors import Held, Inconclusive, JournalUnwritable, Missing, Refused, UsageError
from warden.core.openbao.rights import policy_text
from warden.core.secret import Secret
from warden.present import errors
from warden.usecases.put import Doubtful, FieldNotDeclared, NotKv2, ValueWritten, put
from warden.usecases.steps.recorded import NotRecorded


def stored(bench):
    return {name: secret.reveal() for name, secret in bench.vault("admin").read("platform", bench.path)[1].items()}


def test_the_first_value_and_the_next_are_versions(bench):
    bench.apply()
    assert bench.put().version == 1
    assert bench.put("the-second-value").version == 2
    assert stored(bench) == {"API_KEY": "the-second-value"}


def test_sibling_fields_and_foreign_metadata_survive(bench):
    bench.change(custody=bench.make(bench.lane.id, fields=("API_KEY", "OTHER")).custody)
    bench.apply()
    bench.server.overwrite(bench.lane.custody.path, {"OTHER": "kept", "UNDECLARED": "kept too"})
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"custom_metadata": {"team": "theirs"}})
    bench.put()
    assert stored(bench) == {"API_KEY": bench.value, "OTHER": "kept", "UNDECLARED": "kept too"}
    assert bench.vault().kv_metadata("platform", bench.path).custom == {"team": "theirs"}


def test_the_fields_that_have_no_value_yet_are_named(bench):
    bench.change(custody=bench.make(bench.lane.id, fields=("API_KEY", "OTHER", "THIRD")).custody)
    bench.apply()
    assert bench.put(field="OTHER").missing == ("API_KEY", "THIRD")
    assert bench.put(field="THIRD").missing == ("API_KEY",)
    assert bench.put().missing == ()


def test_who_may_not_see_the_names_of_fields_can_put_and_nothing_is_said_of_them(bench):
    bench.change(custody=bench.make(bench.lane.id, fields=("API_KEY", "OTHER")).custody)
    bench.apply()
    token = bench.server.token_with(policy_text("put"))
    done = put(bench.lane, {"API_KEY": Secret(bench.value)}, bench.server.vault(token), bench.journal)
    assert (done.version, done.missing) == (1, ())


def test_a_deleted_version_is_followed_by_a_new_one(bench):
    bench.ready()
    bench.server.must("DELETE", f"platform/data/{bench.path}")
    assert bench.put("anew-after-deletion").version == 2
    assert stored(bench) == {"API_KEY": "anew-after-deletion"}


def test_the_platform_engineer_cannot_read_what_was_put(bench):
    bench.ready()
    with pytest.raises(Refused):
        bench.vault().read("platform", bench.path)


def test_an_undeclared_field_is_refused_by_name(bench):
    bench.apply()
    with pytest.raises(Missing) as refusal:
        bench.put(field="TYPO")
    assert refusal.value.problem == FieldNotDeclared(lane=bench.lane.id, field="TYPO", fields=("API_KEY",))
    assert bench.vault("admin").read("platform", bench.path) is None


WRONG = {
    "": Doubt.EMPTY,
    "  \n": Doubt.EMPTY,
    "one\ntwo": Doubt.SEVERAL_LINES,
    " spaced-out": Doubt.PADDED,
    "sk-or-v1-short": Doubt.TRUNCATED,
    "ghp_abc": Doubt.TRUNCATED,
    "some-key-that-ends...": Doubt.TRUNCATED,
    "-----BEGIN PRIVATE KEY-----": Doubt.TRUNCATED,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0": Doubt.TRUNCATED,
    "sk-****************": Doubt.MASKED,
    "***": Doubt.MASKED,
    "<your key here>": Doubt.MASKED,
    '"quoted-value"': Doubt.QUOTED,
    "nul\0byte": Doubt.NUL_BYTE,
    "\x1b[200~pasted-key\x1b[201~": Doubt.INVISIBLE,
    "\ufeffkey-with-a-byte-order-mark": Doubt.INVISIBLE,
}


@pytest.mark.parametrize("value", WRONG)
def test_a_value_that_is_probably_not_meant_is_refused_and_not_quoted(bench, value):
    bench.apply()
    with pytest.raises(UsageError) as refusal:
        bench.put(value)
    assert WRONG[value] in refusal.value.problem.doubts
    told = f"{refusal.value} {errors.message(refusal.value)} {errors.hint(refusal.value)}"
    assert len(value.strip()) < 4 or value.strip() not in told
    assert bench.vault("admin").read("platform", bench.path) is None


@pytest.mark.parametrize("value", ["one\ntwo\n", " padded ", "sk-or-v1-short", "-----BEGIN KEY-----\nx\n"])
def test_told_so_it_is_written_to_the_byte(bench, value):
    bench.apply()
    bench.put(value, as_is=True)
    assert "API_KEY" in bench.journal.log()[-1].body["as_is"]
    assert stored(bench) == {"API_KEY": value}


@pytest.mark.parametrize(
    "value",
    ["correct-horse-battery-staple", "sk-or-v1-" + "0a" * 32, "pa55.word!", "v1.2.3", "ü-utf8-ß", "eyJa.eyJb.sig"],
)
def test_a_sound_value_raises_no_doubts(value):
    assert doubts(Secret(value)) == ()


def test_a_line_that_a_terminal_may_have_cut_is_doubted():
    assert doubts(Secret("k" * 4095), from_terminal=True) == (Doubt.TERMINAL_CUT,)
    assert doubts(Secret("k" * 4095)) == ()


def test_exactly_one_line_break_at_the_end_is_taken_off(bench):
    bench.apply()
    bench.put("from-echo\n")
    assert stored(bench) == {"API_KEY": "from-echo"}
    bench.put("from-windows\r\n")
    assert stored(bench) == {"API_KEY": "from-windows"}
    with pytest.raises(UsageError) as refusal:
        bench.put("two-breaks\n\n")
    assert Doubt.SEVERAL_LINES in refusal.value.problem.doubts


def test_a_line_that_was_typed_may_have_been_cut_by_the_terminal(bench):
    bench.apply()
    with pytest.raises(UsageError) as refusal:
        bench.put("k" * 4095, typed=True)
    assert refusal.value.problem == Doubtful("API_KEY", (Doubt.TERMINAL_CUT,))
    assert bench.put("k" * 4095).version == 1


def test_a_placeholder_in_the_path_is_told_before_anything_is_asked(bench):
    bench.change(custody=msgspec.structs.replace(bench.lane.custody, path="platform/<tenant>/x/y"))
    with pytest.raises(UsageError, match="placeholder"):
        bench.put()
    assert bench.journal.log() == []


@pytest.mark.parametrize("engine", ["cubbyhole", "sys"])
def test_an_engine_that_is_no_kv_is_never_written(bench, engine):
    bench.change(custody=msgspec.structs.replace(bench.lane.custody, path=f"{engine}/a/b/c"))
    with pytest.raises(Missing) as refusal:
        put(bench.lane, {"API_KEY": Secret(bench.value)}, bench.vault("admin"), bench.journal)
    assert refusal.value.problem == NotKv2(bench.vault().address, engine)
    assert bench.journal.log() == []


def test_a_faster_writer_is_not_overwritten(bench):
    """Between looking at the version and writing, somebody else writes: the check-and-set must stop us."""
    bench.ready()
    vault = bench.vault()

    class Overtaken(OpenBao):
        def send(self, request):
            if request.method == "PATCH" and "/data/" in request.path:
                bench.server.overwrite(bench.lane.custody.path, {"API_KEY": "theirs"})
            return super().send(request)

    ours = Overtaken(vault.endpoint, Secret(bench.server.token("platform")))
    with pytest.raises(Held, match="changed by someone else"):
        put(bench.lane, {"API_KEY": Secret("ours-is-late")}, ours, bench.journal)
    assert stored(bench) == {"API_KEY": "theirs"}


def test_a_path_that_is_gone_meanwhile_is_not_made_anew(bench):
    bench.ready()

    class Gone(OpenBao):
        def send(self, request):
            if request.method == "PATCH" and "/data/" in request.path:
                bench.server.must("DELETE", f"platform/metadata/{bench.path}")
            return super().send(request)

    ours = Gone(bench.vault().endpoint, Secret(bench.server.token("platform")))
    with pytest.raises(Held, match="changed by someone else"):
        put(bench.lane, {"API_KEY": Secret("ours-is-late")}, ours, bench.journal)
    assert bench.vault("admin").read("platform", bench.path) is None


def test_many_writers_at_once_lose_nothing(bench):
    bench.change(custody=bench.make(bench.lane.id, fields=tuple(f"FIELD_{n}" for n in range(6))).custody)
    bench.apply()

    def write(number):
        while True:
            try:
                put(bench.lane, {f"FIELD_{number}": Secret(f"value-of-{number}")}, bench.vault(), bench.journal)
            except Held:
                continue
            return

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert stored(bench) == {f"FIELD_{n}": f"value-of-{n}" for n in range(6)}


def test_exactly_the_shipped_policy_is_enough_and_no_value_is_readable(bench):
    bench.apply()
    token = bench.server.token_with(policy_text("put"))
    put(bench.lane, {"API_KEY": Secret(bench.value)}, bench.server.vault(token), bench.journal)
    assert stored(bench) == {"API_KEY": bench.value}
    with pytest.raises(Refused):
        bench.server.vault(token).read("platform", bench.path)


def test_without_a_journal_nothing_is_written(bench):
    bench.apply()
    journal = type(bench.journal)("/proc/no-such-place/journal.db")
    with pytest.raises(JournalUnwritable):
        put(bench.lane, {"API_KEY": Secret(bench.value)}, bench.vault(), journal)
    assert bench.vault("admin").read("platform", bench.path) is None


def test_a_value_whose_record_fails_is_known_to_be_written(bench):
    bench.ready()

    class Full(type(bench.journal)):
        def record(self, event, lane, body):
            if event == "put.done":
                return type(bench.journal)("/proc/no-such-place/journal.db").record(event, lane, body)
            return super().record(event, lane, body)

    with pytest.raises(JournalUnwritable) as failure:
        put(bench.lane, {"API_KEY": Secret("the-next-value")}, bench.vault(), Full(bench.journal.path))
    written = ValueWritten(path=bench.lane.custody.path, fields=("API_KEY",), version=2)
    assert failure.value.effect == NotRecorded(written)
    assert "is in version 2 of" in errors.message(failure.value)
    assert stored(bench) == {"API_KEY": "the-next-value"}


def test_a_kv_version_1_mount_is_never_written(bench, unique):
    mount = unique("kv1")
    bench.server.must("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "1"}})
    bench.change(custody=bench.lane.custody.__class__(path=f"{mount}/a/b/c", fields=("API_KEY",)))
    with pytest.raises(Missing) as refusal:
        put(bench.lane, {"API_KEY": Secret(bench.value)}, bench.vault("admin"), bench.journal)
    assert refusal.value.problem == NotKv2(bench.vault().address, mount)
    assert bench.server.call("LIST", f"{mount}/")[0] == 404
    bench.server.must("DELETE", f"sys/mounts/{mount}")


def test_the_journal_says_that_it_was_and_not_what(bench):
    bench.ready()
    records = [record for record in bench.journal.log() if record.event.startswith("put")]
    assert [record.event for record in records] == ["put.begin", "put.done"]
    assert records[1].body["version"] == 1
    assert records[0].body["identity"]["display_name"] == "userpass-platform"
    with open(bench.journal.path, "rb") as file:
        assert bench.value.encode() not in file.read()


def test_a_dead_server_is_no_answer_and_nothing_is_claimed(bench):
    from warden.adapters.openbao.endpoint import parse_address

    nobody = OpenBao(parse_address("http://127.0.0.1:1", "BAO_ADDR"), Secret("s.x"))
    with pytest.raises(Inconclusive, match="cannot be reached"):
        put(bench.lane, {"API_KEY": Secret(bench.value)}, nobody, bench.journal)
    assert bench.journal.log() == []


def test_several_values_make_one_version(bench):
    bench.change(custody=bench.make(bench.lane.id, fields=("API_KEY", "OTHER", "THIRD")).custody)
    bench.apply()
    bench.put("first", field="THIRD")
    values = {"API_KEY": Secret("one\n"), "OTHER": Secret("two")}
    done = put(bench.lane, values, bench.vault(), bench.journal)
    assert (done.version, done.fields, done.missing) == (2, ("API_KEY", "OTHER"), ())
    assert stored(bench) == {"API_KEY": "one", "OTHER": "two", "THIRD": "first"}
    assert bench.journal.log()[-1].body["fields"] == ["API_KEY", "OTHER"]


def test_every_doubtful_value_is_named_and_none_is_written(bench):
    bench.change(custody=bench.make(bench.lane.id, fields=("API_KEY", "OTHER", "THIRD")).custody)
    bench.apply()
    values = {"API_KEY": Secret("<your key>"), "OTHER": Secret("fine-as-it-is"), "THIRD": Secret("ghp_abc")}
    with pytest.raises(UsageError) as refusal:
        put(bench.lane, values, bench.vault(), bench.journal)
    assert [(each.field, each.doubts) for each in refusal.value.problem.values] == [
        ("API_KEY", (Doubt.MASKED,)),
        ("THIRD", (Doubt.TRUNCATED,)),
    ]
    assert bench.vault("admin").read("platform", bench.path) is None


@pytest.mark.parametrize(
    "value",
    ["API_KEY=abcdefghijkl", "export API_KEY=abcdefghijkl", "API_KEY: abcdefghijkl", "api_key = abcdefghijkl"],
)
def test_a_pasted_line_of_a_file_is_doubted(value):
    assert doubts(Secret(value), "API_KEY") == (Doubt.ASSIGNMENT,)
    assert doubts(Secret(value), "OTHER") == ((Doubt.ASSIGNMENT,) if "API_KEY=" in value else ())
    assert doubts(Secret('{"API_KEY": "abcdefghijkl"}'), "API_KEY") == (Doubt.OBJECT,)
    assert doubts(Secret("API_KEYS-are-nice"), "API_KEY") == ()


AHEAD = """
import datetime, sys, time
hours = float(sys.argv[1])
real = datetime.datetime
class Shifted(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(hours=hours)
datetime.datetime = Shifted
seconds = time.time
time.time = lambda: seconds() + hours * 3600
sys.argv[1:] = sys.argv[2:]
from warden.cli.entrypoint import run
run()
"""


@pytest.mark.parametrize("hours", [-2, 0, 2, 24 * 400])
def test_the_clock_of_this_machine_decides_nothing(lane_world, hours):
    """A version that is to be deleted in an hour is live; a client whose clock is ahead must not think otherwise."""
    data, metadata = (lane_world.path.replace("platform/", f"platform/{part}/", 1) for part in ("data", "metadata"))
    lane_world.server.must("POST", metadata, {"delete_version_after": "1h"})
    lane_world.fill(lane_world.values)
    argv = [sys.executable, "-c", AHEAD, str(hours), "put", lane_world.lane, "API_KEY"]
    env = lane_world.env(BAO_TOKEN=lane_world.server.token("platform"))
    done = subprocess.run(argv, input="a-new-value", text=True, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    found = lane_world.server.must("GET", data)["data"]["data"]
    assert found == {"API_KEY": "a-new-value", "SIGNING_KEY": lane_world.values["SIGNING_KEY"]}


def test_a_version_that_the_server_has_deleted_by_its_own_clock_is_not_merged_into(bench):
    bench.apply()
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"delete_version_after": "1s"})
    bench.server.overwrite(bench.lane.custody.path, {"API_KEY": "old", "OTHER": "old"})
    while bench.server.call("GET", f"platform/data/{bench.path}")[0] == 200:
        time.sleep(0.1)
    assert bench.put("anew").version == 2
    assert stored(bench) == {"API_KEY": "anew"}


@pytest.mark.parametrize("gone", ["deleted", "destroyed", "metadata only"])
def test_where_nothing_is_live_a_version_begins_anew(bench, gone):
    bench.apply()
    version = 0
    if gone != "metadata only":
        version = bench.put(field="API_KEY").version
        path = f"platform/{'delete' if gone == 'deleted' else 'destroy'}/{bench.path}"
        bench.server.must("PUT", path, {"versions": [version]})
    assert bench.put("anew").version == version + 1
    assert stored(bench) == {"API_KEY": "anew"}
