"""Verdicts in words: each has a title, each detail a description, and a wrong answer says what it means."""

import typing

import msgspec
import pytest
import yaml

from warden.core.clusters.exposure import Disagreement, ObtainableBy, ReadableBy
from warden.core.clusters.manifests import Ref
from warden.core.clusters.rbac import Asking
from warden.core.clusters.subjects import Subject
from warden.core.clusters.ways import Bound
from warden.core.lanes.lane import Delivery
from warden.core.plans.plan import (
    BeingDeleted,
    Difference,
    ManagedBy,
    NoAudience,
    OwnedBy,
    ReachesFurther,
    RoleRefFixed,
)
from warden.core.proofs import delivery_details, details, exposure_details
from warden.core.proofs.verdict import PROBE_IDS, Detail, Verdict
from warden.core.remedies import warden
from warden.core.unobserved import Unobserved
from warden.present.details import FIXED, describe_detail
from warden.present.problems import describe
from warden.present.verdicts import MEANINGS, TITLES, explanation, title

AWAY = Unobserved("unreachable", "OpenBao", "OpenBao https://a does not answer.")


def verdict(probe="reads", result="wrong", observed="refused", **more):
    return Verdict(probe=probe, result=result, observed=observed, **more)


def test_every_probe_has_a_title_and_every_kind_of_detail_a_description():
    assert set(TITLES) == set(PROBE_IDS)
    assert set(MEANINGS) <= set(PROBE_IDS)
    kinds = set(typing.get_args(Detail)) - {details.ObjectDiffers}  # `explanation` has its verdict's differences, too
    assert len(kinds) > 45
    default = describe_detail.dispatch(object)
    assert [kind for kind in kinds if describe_detail.dispatch(kind) is default and kind not in FIXED] == []
    with pytest.raises(TypeError):
        describe_detail(object())


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (verdict("reads"), "reads API_KEY (wrapped)"),
        (verdict("other-account", subject="tenant"), "another service account in tenant"),
        (verdict("other-lane", subject="x/z"), "reader of another lane (x/z)"),
        (verdict("policy"), "policy is as declared"),
        (verdict("role", reader="tenant/first"), "role is as declared"),
        (
            verdict(
                "role",
                reader="delivery here",
                cluster="here",
                detail=details.ObjectDiffers(action="change", kind="Role", name="openbao-token-app"),
            ),
            "Role openbao-token-app is as declared",
        ),
        (verdict("objects", detail=details.ObjectsCompared(9)), "9 objects are as declared"),
        (verdict("value", reader="delivery here", cluster="here"), "holds the value that OpenBao handed out"),
        (verdict("value", reader="delivery old", cluster="old"), "holds the newest value in OpenBao"),
        (verdict("consumer", subject="tenant/app"), "tenant/app runs with it"),
        (verdict("exposure", detail=AWAY), "nobody else may read it"),
        (verdict("exposure", detail=exposure_details.Asked(24, 310)), "nobody else may read it (310 known, 24 asked)"),
        (verdict("delivery", subject="here"), "delivered to here"),
    ],
)
def test_a_title_says_what_was_tried(lane_of, found, text):
    deliveries = {"here": Delivery(external_secret="t/s"), "old": Delivery(bootstrap_secret="t/s")}
    assert title(found, lane_of(deliveries=deliveries)) == text


SIBLING = "the reader's policies reach further than this path"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (verdict("sibling", "ok"), ""),
        (verdict("sibling", observed="allowed"), SIBLING),
        (
            verdict("sibling", observed="allowed", detail=details.GrantedByOthers(("a b", "z"))),
            f"{SIBLING}: granted by a b, z",
        ),
        (
            verdict("reads", observed="by-others", detail=details.GrantedByOthers((), only="own")),
            "the read was granted by no policy, not by own alone",
        ),
        (
            verdict("other-audience", observed="logged-in"),
            f"{MEANINGS['other-audience']}: the login was accepted, only the read was refused",
        ),
        (verdict("reads", detail=details.ReaderRefused("denied")), "a declared reader cannot read: denied"),
        (
            verdict("sibling", "inconclusive", "no-answer", detail=details.NoAnswer(AWAY)),
            "OpenBao https://a does not answer; not counted as a denial",
        ),
        (
            verdict("sibling", "inconclusive", "no-answer", detail=details.NotSent(AWAY)),
            "not sent: OpenBao https://a does not answer; not counted as a denial",
        ),
        (
            verdict("sibling", "inconclusive", "no-answer", detail=details.ReaderCannotLogIn(AWAY)),
            "not sent: the reader itself cannot log in: OpenBao https://a does not answer; not counted as a denial",
        ),
        (
            verdict("sibling", "inconclusive", "no-answer", detail=details.UnclearReply(503, "Vault is sealed")),
            "answered 503 Vault is sealed; not counted as a denial",
        ),
        (
            verdict("live-version", observed="differs", detail=details.FieldsDiffer(("A", "B"), ("C",))),
            "missing: A, B; not declared: C",
        ),
        (
            verdict("by-hand", "ok", "by-hand", detail=delivery_details.NotRenewed(), remedy=(warden("adopt", "x"),)),
            "nothing renews it when the value changes; to have it delivered: warden adopt x",
        ),
    ],
)
def test_an_explanation_says_what_a_wrong_answer_means_and_what_is_behind_it(found, text):
    assert explanation(found) == text


TTL = (Difference("token_ttl", 86400, 900),)
PATH = 'path "x/*" { capabilities = ["read"] }'


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"action": "create", "kind": "policy", "name": "p"}, "policy p not found"),
        ({"action": "change", "kind": "role", "name": "r"}, "r"),
        (
            {"action": "change", "kind": "policy", "name": "p", "widening": ReachesFurther((PATH,))},
            f"p: the policy reaches further than the lane: {PATH}",
        ),
        (
            {"action": "change", "kind": "role", "name": "r", "widening": NoAudience()},
            "r: the role has no audience set, so a token for any service can log in",
        ),
        (
            {"action": "foreign", "kind": "SecretStore", "name": "s", "obstacle": ManagedBy(("kubectl-edit",))},
            "differs from the declaration: token_ttl; managed by kubectl-edit",
        ),
        (
            {"action": "foreign", "kind": "SecretStore", "name": "s", "obstacle": BeingDeleted("now", ("f",))},
            "differs from the declaration: token_ttl; being deleted since now, held by f",
        ),
    ],
)
def test_an_object_that_differs_says_in_what_and_who_is_in_the_way(fields, text):
    detail = details.ObjectDiffers(**fields)
    assert explanation(verdict("role", observed="differs", detail=detail, differences=TTL)) == text


def test_an_object_that_cannot_be_changed_says_so_without_differences():
    detail = details.ObjectDiffers(action="foreign", kind="RoleBinding", name="b", obstacle=RoleRefFixed())
    assert "cannot be changed" in explanation(verdict("rolebinding", observed="differs", detail=detail))


LEAK = Bound(Ref("RoleBinding", "tenant", "b"), 0, "eve")
EVE = Subject("user", "eve")


def subject(number):
    return ReadableBy(subject=Subject("user", f"u{number}"), bindings=(LEAK,))


def test_of_many_subjects_five_are_named_with_their_bindings_and_the_rest_counted():
    many = exposure_details.ReadableByOthers(tuple(map(subject, range(8))), 40, 40)
    text = describe_detail(many)
    assert text.startswith("user:u0 by rolebinding b -n tenant; user:u1 by ")
    assert "user:u4 " in text
    assert "user:u5 by" not in text
    everybody = ", ".join(f"user:u{number}" for number in range(8))
    assert text.endswith(f"; and 3 more; if intended, add {everybody} to may_read_secrets in clusters.yaml")
    eve = ReadableBy(subject=EVE, bindings=())
    assert describe_detail(exposure_details.ReadableByOthers((eve,), 1, 1)).startswith("user:eve by another authorizer")


def test_who_could_get_at_it_is_named_with_three_rights_and_each_binding_once():
    verbs = ("create", "update", "patch", "delete")
    rights = tuple(Asking(verb, "", "pods", "tenant") for verb in verbs)
    found = ObtainableBy(subject=EVE, rights=rights, bindings=(LEAK, msgspec.structs.replace(LEAK, index=1)))
    assert describe_detail(exposure_details.ObtainableByOthers((found,))) == (
        "user:eve may create pods in tenant, update pods in tenant, patch pods in tenant, and 1 more "
        "by rolebinding b -n tenant; if intended, add user:eve to may_administer in clusters.yaml"
    )


@pytest.mark.parametrize(
    "subject",
    [
        Subject("account", "ci/deployer"),
        Subject("group", "system:authenticated"),
        Subject("user", "https://issuer#a, b"),
        Subject("user", "eve: x"),
        Subject("user", "a]\u2028"),
        Subject("group", "x:"),
    ],
)
def test_what_is_to_be_declared_can_be_pasted_into_the_list_of_the_file(subject):
    found = ObtainableBy(subject=subject, rights=(Asking("create", "", "pods", "tenant"),), bindings=(LEAK,))
    text = describe_detail(exposure_details.ObtainableByOthers((found, found)))
    declared = text.partition("; if intended, add ")[2].removesuffix(" to may_administer in clusters.yaml")
    assert yaml.safe_load(f"may_administer: [{declared}]") == {"may_administer": [str(subject), str(subject)]}


def test_another_authorizer_is_named_by_what_it_answers_otherwise():
    found = Disagreement(subject=EVE, right=Asking("get", "", "secrets", "tenant"), allowed=True)
    text = describe_detail(exposure_details.AuthorizersDiffer((found,)))
    assert text.startswith("user:eve may get secrets in tenant, and RBAC says otherwise: another authorizer decides")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (("K", "changed", (delivery_details.Writer("kubectl", "now"),)), "K: written by kubectl at now"),
        (
            ("K", "changed", (delivery_details.Writer("", ""),)),
            "K: written by nobody named at a time not recorded",
        ),
        (("K", "changed"), "K: who wrote it is not recorded (managedFields)"),
        (("K", "removed"), "K: removed; by whom is not recorded"),
        (
            ("K", "added", (delivery_details.Writer("kubectl", "now"),)),
            "K, which is not the lane's: written by kubectl at now",
        ),
    ],
)
def test_what_was_overwritten_says_by_whom_as_far_as_that_is_recorded(field, text):
    overwritten = delivery_details.Overwritten((delivery_details.OverwrittenField(*field),))
    assert describe_detail(overwritten) == f"{text}; what read it meanwhile still has that"


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        (delivery_details.OwnedByOther(OwnedBy("HelmRelease", "app")), "owned by the Helm release app"),
        (delivery_details.VersionDiffers(3, 2), "version 3 was handed out, and 2 is the newest in OpenBao"),
        (
            delivery_details.ReadByOthers(("t/other",), "t/app", exists=False),
            "read as t/other; service account t/app not found",
        ),
        (delivery_details.ValueDiffers(("A",), 3), "A holds another value than version 3"),
        (delivery_details.ValueDiffers(("A", "B"), 3), "A, B hold other values than version 3"),
        (details.ReaderRefused("", unconfirmed=True), "permission denied; if the role is as declared: may OpenBao "),
        (details.CapabilitiesDiffer((details.PathCapabilities("m", ()),)), "m: not stated"),
        (Unobserved("sealed", "OpenBao", details.NotServing("OpenBao", initialized=True)), "OpenBao is sealed"),
    ],
)
def test_details_in_words(detail, text):
    assert describe_detail(detail).startswith(text)


def test_what_could_not_be_observed_is_described_like_any_problem():
    assert describe_detail(AWAY) == describe("OpenBao https://a does not answer")
