"""Copies of a value: found in whatever holds it, told by who wrote it, and never by chance."""

import base64
import gzip
import json

import pytest

from warden.core.clusters.copies import CopyIndex, hashed, texts_of
from warden.core.clusters.manifests import Ref
from warden.core.clusters.text_hashes import TextHashes

VALUE = "sk-planted/4f9A+b7=c1"
HASHES = TextHashes(b"a key of this run")


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def holds(text, value=VALUE):
    return HASHES.of(value) in HASHES.within(text)


@pytest.mark.parametrize(
    "text",
    [
        VALUE,
        f"  {VALUE}\n",
        f"was {VALUE}, then",
        f"API_KEY={VALUE}",
        f"export API_KEY='{VALUE}'",
        f'api_key: "{VALUE}"',
        f"key:{VALUE}",
        json.dumps({"a": [{"b": VALUE}]}),
        json.dumps({"auths": {"r": {"auth": b64(f"robot:{VALUE}")}}}),
        b64(VALUE),
        b64(VALUE).rstrip("="),
        f"value: {b64(VALUE)}",
        b64(json.dumps({"k": VALUE})),
        b64(gzip.compress(json.dumps({"config": {"key": VALUE}}).encode(), mtime=0)),
        b64(b64(gzip.compress(json.dumps({"manifest": f"data: {VALUE}"}).encode(), mtime=0))),
    ],
)
def test_a_value_is_found_however_it_is_wrapped(text):
    assert holds(text)


@pytest.mark.parametrize("text", ["", VALUE[:-1], VALUE + "x", VALUE.lower(), b64(VALUE + "x"), "{" + VALUE[1:]])
def test_what_is_nearly_it_is_not_it(text):
    assert not holds(text)


@pytest.mark.parametrize("value", ["orders", "5432", "db.orders.svc", "true", "https://api.example.com/v1"])
def test_a_word_that_anybody_uses_is_not_looked_for(value):
    assert not holds(value, value)


def test_bytes_that_are_no_text_are_found_as_a_whole():
    value = b"\xff\xfe\x00secret-bytes-1A".decode("utf-8", "surrogateescape")
    assert holds(value, value)


def test_what_is_damaged_or_endless_is_left_alone():
    bomb = b64(gzip.compress(b"a" * 20_000_000))
    assert not holds(bomb)
    assert not holds(b64(b"\x1f\x8bnot gzip at all"))
    assert not holds("[" * 5000)
    assert not holds("A" * 13)


def test_hashes_of_two_runs_have_nothing_in_common():
    assert TextHashes(b"one").of(VALUE) != TextHashes(b"two").of(VALUE)


def made(kind, name="x", namespace="other", owner=None, **more):
    metadata = {"name": name, "namespace": namespace, "managedFields": [{"manager": "helm"}]}
    metadata |= {"ownerReferences": [dict(zip(("kind", "name"), owner, strict=True))]} if owner else {}
    return {"kind": kind, "metadata": metadata, **more}


OWN = Ref("Secret", "tenant", "own")


def copies(*objects, but=OWN):
    index = CopyIndex(hashed(each, HASHES) for each in objects)
    return index.copies([HASHES.of(VALUE)], but)


def test_of_a_secret_the_data_are_looked_through_and_whoever_wrote_it_is_told():
    (copy,) = copies(made("Secret", data={"KEY": b64(VALUE)}))
    assert (copy.ref, copy.field, copy.managers, copy.alone) == (
        Ref("Secret", "other", "x"),
        "data.KEY",
        ("helm",),
        True,
    )
    (copy,) = copies(made("Secret", data={"KEY": b64(VALUE), "b": b64("b")}))
    assert not copy.alone
    (copy,) = copies(made("Secret", type="kubernetes.io/tls", data={"tls.key": b64(VALUE), "tls.crt": ""}))
    assert copy.alone


def test_the_delivered_secret_is_no_copy_of_itself():
    own = made("Secret", "own", "tenant", data={"KEY": b64(VALUE)})
    assert copies(own) == ()
    assert copies(own, but=Ref("Secret", "tenant", "another"))[0].ref.name == "own"


def test_of_what_a_workload_made_only_the_workload_is_named():
    env = {"containers": [{"name": "c", "env": [{"name": "K", "value": VALUE}]}]}
    template = {"template": {"spec": env}}
    deployment = made("Deployment", "app", spec=template)
    pod = made("Pod", "app-5d9-x", owner=("ReplicaSet", "app-5d9"), spec=env)
    (copy,) = copies(deployment, pod)
    assert (copy.ref.kind, copy.field) == ("Deployment", "spec.template.spec.containers[0].env[0].value")
    (copy,) = copies(pod)
    assert copy.ref.kind == "Pod"
    cron = made("CronJob", "nightly", spec={"jobTemplate": {"spec": template}})
    job = made("Job", "nightly-1", owner=("CronJob", "nightly"), spec=template)
    assert [each.ref.kind for each in copies(cron, job, made("Pod", "p", owner=("Job", "nightly-1"), spec=env))] == [
        "CronJob"
    ]


def test_texts_are_what_somebody_wrote_and_not_who_wrote_it():
    whole = made("ConfigMap", data={"a": "1"}, binaryData={"b": b64("2")}, spec={"c": ["3", 4, ""]}, status={"d": "5"})
    whole["metadata"] |= {"annotations": {"e": "6"}, "labels": {"f": "7"}}
    assert list(texts_of(whole)) == [
        ("data.a", "1"),
        ("binaryData.b", "2"),
        ("metadata.annotations.e", "6"),
        ("metadata.labels.f", "7"),
        ("spec.c[0]", "3"),
    ]
    assert list(texts_of(made("Secret", data={"a": "not base64"}))) == [("data.a", "")]
