"""prove in a cluster: a sound delivery is proven, and every claim of it comes from a measurement."""

from pathlib import Path

import pytest

from warden.core.lanes.lane import Delivery

pytestmark = pytest.mark.cluster


def test_a_sound_delivery_is_proven_with_openbaos_own_line_of_the_operators_read(bench):
    bench.ready().deploy()
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)
    assert proof.scope == "lane"
    handed = bench.verdict(proof, "handed-out")
    line = next(
        line
        for line in Path(bench.platform.audit_file).read_text().splitlines()
        if handed.audit in line and '"response"' in line
    )
    assert f'"service_account_namespace":"{bench.namespace}"' in line
    assert '"version":1' in line
    assert bench.value not in line
    assert bench.verdict(proof, "value").audit == handed.audit
    assert bench.journal.state(bench.name).proof.body["deliveries"]["coulombcore"]["version"] == 1


def test_the_refresh_is_of_now_a_new_value_is_delivered_by_proving(bench):
    bench.ready().deploy()
    bench.put("another-value-of-the-lane")
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)
    assert bench.verdict(proof, "handed-out").version == 2
    assert bench.delivered() == "another-value-of-the-lane"


def test_no_value_is_in_the_journal_or_in_a_verdict(bench):
    bench.ready().deploy()
    proof = bench.prove()
    assert bench.value not in repr(proof)
    assert bench.value.encode() not in Path(bench.journal.path).read_bytes()


def test_a_deleted_account_is_refused_and_a_token_of_openbao_from_before_outlives_it(bench):
    """What `prove` never does itself: it deletes nothing. Measured: OpenBao knows within some seconds."""
    bench.ready()
    jwt = bench.handle().token(f"{bench.namespace}/app")
    login = {"role": bench.role.rpartition("/")[2], "jwt": jwt}
    mount = bench.declared["coulombcore"].auth_mount
    before = bench.platform.must("POST", f"auth/{mount}/login", login, token=None)["auth"]["client_token"]
    bench.remove("serviceaccount", "app")
    refused = bench.until(
        lambda: bench.platform.call("POST", f"auth/{mount}/login", login, token=None)[0] in {400, 403}, 40
    )
    assert refused
    assert bench.platform.call("GET", bench.data, token=before)[0] == 200


def test_a_delivery_that_was_not_looked_at_leaves_the_proof_of_custody_alone(bench):
    bench.ready()
    proof = bench.prove(custody_only=True)
    assert (proof.state, proof.scope) == ("proven", "custody")
    assert not [verdict for verdict in proof.verdicts if verdict.reader.startswith("delivery")]


def test_a_lane_whose_reader_nobody_was_played_as_is_proven_of_custody_alone_with_or_without_deliveries(bench):
    bench.ready()
    bench.change(deliveries={})
    proof = bench.prove(custody_only=True)
    assert (proof.state, proof.scope) == ("proven", "custody")
    assert bench.prove().scope == "lane"


def test_two_clusters_each_by_its_own_account_and_mount(bench):
    both = dict.fromkeys(("coulombcore", "railiance01"), bench.lane.deliveries["coulombcore"])
    bench.change(deliveries=both)
    bench.ready()
    for cluster in both:
        bench.deploy(cluster)
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)
    readers = {verdict.reader for verdict in proof.verdicts}
    assert f"{bench.namespace}/app (kubernetes-railiance01)" in readers
    lines = {bench.verdict(proof, "handed-out", f"delivery {cluster}").audit for cluster in both}
    assert len(lines) == 2


def test_a_value_made_by_hand_is_compared_with_what_the_other_cluster_was_handed(bench):
    secret = bench.lane.deliveries["coulombcore"]
    bench.ready()
    by_hand = Delivery(bootstrap_secret=secret.external_secret)
    bench.change(deliveries={"coulombcore": secret, "railiance01": by_hand})
    bench.tenant("railiance01")
    bench.create("secret", {"metadata": {"name": bench.name}, "stringData": {"API_KEY": "another"}}, "railiance01")
    found = bench.verdict(bench.prove(), "value", "delivery railiance01")
    assert (found.result, found.observed) == ("wrong", "other-value")
    bench.merge("secret", bench.name, {"stringData": {"API_KEY": bench.value}}, "railiance01")
    found = bench.verdict(bench.prove(), "value", "delivery railiance01")
    assert (found.result, found.observed, found.version) == ("ok", "version", 1)
    bench.change(deliveries={"railiance01": by_hand})
    assert bench.verdict(bench.prove(), "value").result == "inconclusive"
