"""Who speaks for a cluster: the API server in its own words, and nobody else. The rest is tested on real clusters."""

import json

import pytest
from byte_server import serving, status

from warden.adapters.kubernetes.client import Kubernetes
from warden.adapters.kubernetes.kubeconfig_format import Access, Cluster, User
from warden.core.clusters.manifests import Ref
from warden.core.clusters.rbac import Asking
from warden.core.clusters.subjects import Subject
from warden.core.errors import Missing, NoApi, Refused, ServerFault, Unidentified
from warden.core.lanes.lane import Workload

SECRET = Ref("Secret", "team", "app")
ASKED = {
    "caller": lambda kube: kube.caller(),
    "get": lambda kube: kube.get(SECRET),
    "secret": lambda kube: kube.secret("team", "app"),
    "listed": lambda kube: kube.listed("Pod", "team"),
    "events": lambda kube: kube.events(SECRET),
    "apply": lambda kube: kube.apply({"kind": "Secret", "metadata": {"namespace": "team", "name": "app"}}),
    "patch": lambda kube: kube.patch(SECRET, {}),
    "token": lambda kube: kube.token(Workload("team", "app"), "openbao", 600),
    "holds": lambda kube: kube.holds(Asking("get", "", "secrets")),
    "versions": lambda kube: kube.versions("external-secrets.io"),
    "token_secrets": lambda kube: kube.token_secrets("team"),
    "may": lambda kube: kube.may(Subject("account", "team/app"), Asking("get", "", "secrets", "team", "app")),
}
PAGES = {
    "a page": b"<html>Sign in</html>",
    "nothing": b"",
    "another's object": b'{"type": "error", "status": "403", "message": "clusters.management is forbidden"}',
    "a list": b"[]",
}


def kubernetes(address):
    return Kubernetes("c", Access(context="c", cluster=Cluster(server=address), user=User()))


def said(code, **more):
    return status(code, json.dumps({"kind": "Status", "apiVersion": "v1", "code": code, **more}).encode())


@pytest.mark.parametrize("code", [200, 302, 400, 401, 403, 404, 409, 422, 503])
@pytest.mark.parametrize("page", PAGES)
def test_what_a_proxy_says_is_no_answer(page, code):
    with serving(*[status(code, PAGES[page])] * len(ASKED)) as (address, _):
        kube = kubernetes(address)
        for name, ask in ASKED.items():
            with pytest.raises(ServerFault) as fault:
                ask(kube)
            assert f"answered {code} to " in str(fault.value), name
            assert "nothing of Kubernetes' own; not counted as an answer" in str(fault.value), name


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said(400), Refused),
        (said(401), Unidentified),
        (said(403, message="no"), Refused),
        (said(404, details={"name": "app"}), Missing),
        (said(404), NoApi),
        (status(404, b"404 page not found\n"), NoApi),
        (said(422), Refused),
        (said(503), ServerFault),
    ],
)
def test_what_the_api_server_says_is(answer, kind):
    with serving(answer, answer) as (address, _), pytest.raises(kind):  # the second is asked which versions it serves
        kubernetes(address).listed("Pod", "team")


def test_an_object_that_is_not_there_and_a_group_that_is_unknown_are_answers():
    with serving(said(404, details={"name": "app"}), status(404, b"404 page not found\n")) as (address, _):
        assert kubernetes(address).get(SECRET) is None
        assert kubernetes(address).versions("external-secrets.io") == []


def test_a_refusal_is_a_status_and_no_other_kind():
    with serving(status(403, b'{"kind": "Error", "code": 403}')) as (address, _), pytest.raises(ServerFault):
        kubernetes(address).listed("Pod", "team")
