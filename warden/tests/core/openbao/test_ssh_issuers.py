"""Which step of replacing a key comes next."""

import pytest

from warden.core.openbao.ssh_issuers import Issuer, in_order, incoming, next_name, next_step, outgoing


def key(generation, *, signs=False):
    return Issuer(
        id=f"id-{generation}", name=f"generation-{generation}" if generation else "", public_key="k", signs=signs
    )


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        ([key(1, signs=True)], "make"),
        ([key(0, signs=True)], "make"),
        ([key(1, signs=True), key(2)], "switch"),
        ([key(0, signs=True), key(1)], "switch"),
        ([key(1), key(2, signs=True)], "remove"),
        ([key(0), key(1, signs=True)], "remove"),
        ([key(1), key(2, signs=True), key(3)], "switch"),
        ([key(9), key(10, signs=True)], "remove"),
    ],
)
def test_the_next_step_follows_from_the_keys(keys, step):
    assert next_step(keys) == step
    assert next_step(keys[::-1]) == step


def test_a_generation_is_a_number_and_not_a_text():
    keys = [key(9), key(10, signs=True), key(2)]
    assert next_name(keys) == "generation-11"
    assert [each.generation for each in outgoing(keys)] == [2, 9]
    assert incoming(keys) is None
    assert [each.generation for each in in_order(keys)] == [10, 2, 9]


def test_a_key_of_another_name_is_older_than_all_of_ours():
    foreign = Issuer(id="x", name="generation-one", public_key="k", signs=False)
    assert foreign.generation == 0
    assert outgoing([foreign, key(1, signs=True)]) == (foreign,)
