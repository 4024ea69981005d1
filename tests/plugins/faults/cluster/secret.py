"""Faults of the delivered Secret."""

from faults import Fault


def left_in_clear(bench):
    note = {"kubectl.kubernetes.io/last-applied-configuration": f'{{"stringData":{{"API_KEY":"{bench.value}"}}}}'}
    bench.merge("secret", bench.name, {"metadata": {"annotations": note}})


def a_copy_in_a_label_of_its_own(bench):
    bench.merge("secret", bench.name, {"metadata": {"annotations": {"debug/key": f"was {bench.value}"}}})


FAULTS = [
    Fault("Secret", "a copy in last-applied-configuration", left_in_clear, "plaintext"),
    Fault("Secret", "the value in an annotation of somebody's own", a_copy_in_a_label_of_its_own, "plaintext"),
    Fault("Secret", "is immutable", lambda b: b.merge("secret", b.name, {"immutable": True}), "secret"),
]
