"""Values that are not plain text: what the real operator writes for each, and that everybody here agrees."""

from base64 import b64decode

import pytest

from warden.core.lanes.lane import Custody
from warden.core.proofs.delivery_details import NumbersInClear

pytestmark = pytest.mark.cluster

VALUES = {
    "TRUE": True,
    "NOTHING": None,
    "OBJECT": {"b": "x<&>\u2028", "a": ["y", None, True, {}], "é": {"n": "1"}},
    "LIST": ["a", "b c"],
    "LINES": "one\ntwo\r\n\ttabbed\n",
    "LETTERS": "pässwörter 🔑 \u00a0 \x7f",
    "LOOKS_LIKE": "5432",
    "EMPTY": "",
}
NUMBERS = {"INT": 5432, "BIG": 123456789012345678901234567890, "FLOAT": 1.10, "SMALL": 0.00000012, "TEN20": 10**20}


def holding(bench, values):
    values = {"API_KEY": bench.value} | values
    bench.change(custody=Custody(path=bench.lane.custody.path, fields=tuple(values)))
    bench.platform.overwrite(bench.lane.custody.path, values)
    bench.tenant()
    bench.apply()
    bench.synced()


def delivered(bench):
    return {field: b64decode(text or "").decode() for field, text in bench.live_secret()["data"].items()}


def handed_over(bench):
    custody = bench.lane.custody
    values = bench.vault("admin").read(custody.mount, custody.key)[1]
    return {field: value.reveal() for field, value in values.items()}


def test_what_is_no_text_arrives_the_same_everywhere(bench):
    holding(bench, VALUES)
    assert delivered(bench) == handed_over(bench)
    bench.deploy()
    proof = bench.prove()
    assert bench.verdict(proof, "value").result == "ok", bench.shown(proof)
    assert bench.verdict(proof, "plaintext").result == "ok"


def test_numbers_arrive_with_the_servers_own_digits_and_are_in_the_log_in_clear(bench):
    holding(bench, NUMBERS)
    assert delivered(bench) == handed_over(bench)
    verdict = bench.verdict(bench.prove(), "value")
    assert (verdict.result, verdict.detail) == ("ok", NumbersInClear(tuple(NUMBERS)))


def test_an_empty_value_arrives_empty_and_is_recognized(bench):
    holding(bench, {"EMPTY": "", "INSIDE": {"a": ["", "b"]}})
    assert delivered(bench)["EMPTY"] == handed_over(bench)["EMPTY"] == ""
    assert bench.verdict(bench.prove(), "value").result == "ok"
    bench.platform.overwrite(bench.lane.custody.path, {"API_KEY": bench.value, "EMPTY": "no more", "INSIDE": "x"})
    assert bench.verdict(bench.prove(), "value").result == "ok"
    assert delivered(bench)["EMPTY"] == "no more"


def test_a_secret_by_hand_with_such_values_is_equal_to_what_openbao_holds(bench):
    holding(bench, VALUES | NUMBERS)
    data = bench.live_secret()["data"]
    bench.remove("externalsecret", bench.name)
    bench.until(lambda: bench.kube().secret(bench.namespace, bench.name) is None)
    body = {"metadata": {"name": bench.name}, "data": data}
    bench.create("secret", body)
    done = bench.adopt()
    assert set(done.compared.equal) == {"API_KEY", *VALUES, *NUMBERS}
    assert done.compared.different == ()
