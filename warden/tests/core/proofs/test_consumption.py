"""How containers take a Secret: which keys reach them, what wins over them, and which containers stay."""

import pytest

from warden.core.proofs.consumption import takings

KEYS = frozenset({"API_KEY"})


def env(name="API_KEY", key="API_KEY", secret="s", **more):
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, **more}}}


def container(**more):
    return {"name": "app", **more}


def mounted(subpath="", **source):
    mount = {"name": "v", "mountPath": "/k"} | ({"subPath": subpath} if subpath else {})
    volume = {"name": "v", "secret": {"secretName": "s", **source}}
    return {"volumes": [volume], "containers": [container(volumeMounts=[mount])]}


def projected(*items):
    source = {"secret": {"name": "s"} | ({"items": list(items)} if items else {})}
    spec = mounted()
    spec["volumes"] = [{"name": "v", "projected": {"sources": [{"configMap": {"name": "c"}}, source]}}]
    return spec


def item(key, path="k"):
    return {"key": key, "path": path}


def environment(*entries, sources=()):
    return {"containers": [container(env=list(entries), envFrom=list(sources))]}


OURS, SETTINGS = {"secretRef": {"name": "s"}}, {"configMapRef": {"name": "c"}}


@pytest.mark.parametrize(
    ("spec", "way", "missing"),
    [
        (mounted(), "directory", ""),
        (mounted(items=[item("API_KEY")]), "directory", ""),
        (mounted(items=[item("OLD"), item("API_KEY", "x")]), "directory", ""),
        (mounted(items=[item("OLD")], optional=True), "directory", "OLD"),
        (mounted("API_KEY"), "subpath", ""),
        (mounted("OLD"), "subpath", "OLD"),
        (mounted("k", items=[item("API_KEY")]), "subpath", ""),
        (mounted("k", items=[item("OLD")]), "subpath", "OLD"),
        (mounted("d", items=[item("API_KEY", "d/k")]), "subpath", ""),
        (mounted("else", items=[item("API_KEY")]), "subpath", "else"),
        (projected(), "directory", ""),
        (projected(item("OLD")), "directory", "OLD"),
        (environment(env()), "environment", ""),
        (environment(env(key="OLD", optional=True)), "environment", "OLD"),
        (environment(sources=[OURS]), "environment", ""),
    ],
)
def test_a_key_that_the_secret_does_not_have_reaches_nobody(spec, way, missing):
    (found,) = takings(spec, "s", KEYS)
    assert (found.way, found.missing, found.arrives) == (way, missing, not missing)
    assert takings(spec, "s")[0].arrives  # nothing is known of the keys
    assert takings(spec, "other", KEYS) == ()


@pytest.mark.parametrize(
    ("spec", "overridden"),
    [
        (environment(env(), {"name": "API_KEY", "value": "x"}), "API_KEY"),
        (environment({"name": "API_KEY", "value": "x"}, env()), ""),
        (environment(env(), env(secret="t")), "API_KEY"),
        (environment({"name": "API_KEY", "value": "x"}, sources=[OURS]), "API_KEY"),
        (environment({"name": "OTHER", "value": "x"}, sources=[OURS]), ""),
        (environment({"name": "API_KEY", "value": "x"}, sources=[OURS | {"prefix": "P_"}]), ""),
        (environment({"name": "P_API_KEY", "value": "x"}, sources=[OURS | {"prefix": "P_"}]), "P_API_KEY"),
        (environment(sources=[OURS, SETTINGS]), "API_KEY"),
        (environment(sources=[SETTINGS, OURS]), ""),
        (environment(sources=[OURS, SETTINGS | {"prefix": "P_"}]), ""),
        (environment(sources=[OURS, OURS]), ""),
    ],
)
def test_of_two_variables_of_one_name_the_later_wins_and_env_over_all_sources(spec, overridden):
    found = takings(spec, "s", KEYS, {"configmap/c": frozenset({"API_KEY", "x"})})
    assert {each.overridden for each in found} == {overridden}
    assert not any(each.after for each in found)


def test_what_may_win_and_is_not_known_is_named():
    spec = environment(sources=[OURS, SETTINGS, {"secretRef": {"name": "t"}}])
    (found,) = takings(spec, "s", KEYS, {"configmap/c": frozenset({"x"})})
    assert (found.after, found.arrives) == (("secret/t",), True)


@pytest.mark.parametrize(("policy", "lasting"), [({}, False), ({"restartPolicy": "Always"}, True)])
def test_an_init_container_does_not_stay_unless_it_is_a_sidecar(policy, lasting):
    spec = {"initContainers": [container(env=[env()], **policy)], "containers": [container()]}
    (found,) = takings(spec, "s", KEYS)
    assert found.lasting is lasting
