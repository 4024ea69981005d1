"""Each problem of access, lanes and put in words: one clause without a full stop and without a command."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

import msgspec
import pytest

from warden.core.access import authorization as a
from warden.core.access import identities as i
from warden.core.access import words
from warden.core.access.value_check import Doubt
from warden.core.errors import Effect
from warden.core.lanes import catalog, delivery_target, search
from warden.core.openbao.api import Identity
from warden.present import problems
from warden.present.problems import _SUBJECTS, describe, described
from warden.present.terminal import ValueCutShort
from warden.usecases import access as usecase
from warden.usecases import put

WHO = Identity(display_name="d", path="auth/kubernetes/login", role="r", entity="", policies=(), ttl=0)
READER = i.DeclaredRole(identity="ns/app", mount="kubernetes", role="r")

WORDS = {
    a.LaneClosed(lane="x", since="2026-07-03T12:00:00Z", reason="leaked", record=7): (
        "x has been closed since 2026-07-03T12:00Z (leaked; journal 7)"
    ),
    a.LaneClosed(lane="x", since="2026-07-03T12:00:00Z", reason="", record=7, meanwhile=True): (
        "x was closed while it was being read (no reason recorded; journal 7)"
    ),
    a.LaneIsDraft(lane="x"): "x is a draft",
    a.LaneIsDraft(lane="x", placeholder="kv/<t>"): "x is a draft, and it still has a placeholder: kv/<t>",
    i.NotDeclared(who=WHO, subject="x", declared=(READER,)): (
        "you are d (auth/kubernetes, role r), and x is for ns/app (auth/kubernetes, role r)"
    ),
    i.NotDeclared(who=i.TokenOf(path="/t", subject="s"), subject="x", declared=()): (
        "the token in /t belongs to s, and x is for nobody yet"
    ),
    i.WrongAudience(path="/t", audiences=(), wanted=("a", "b")): (
        "the token in /t was made for the audience (none), not for a or b; it was not sent"
    ),
    i.ReasonRequired(subject="x", policies=("p", "q")): "p, q requires a reason for x, and the journal keeps it",
    i.DeniedByPolicy(who=WHO, action="access", subject="x", policies=(), decision="1"): (
        "the policy denies d (auth/kubernetes, role r) access to x (decision 1)"
    ),
    a.NoSuchField(lane="x", field="F", fields=("A", "B")): "x has no field F; it has A, B",
    a.NulByte("F"): "the value of F has a NUL byte, which no environment variable can hold",
    a.NoLiveVersion("kv/x"): "kv/x has no live version (never written, or deleted)",
    a.FieldsMissing(path="kv/x", fields=("A", "B")): "kv/x has no field A, B",
    usecase.ServerRefuses("permission denied."): "permission denied, although the lane allows it",
    catalog.UnknownEntry("x", ("y",)): "x is not in the catalog; nearest: y",
    catalog.UnknownEntry("x", ()): "x is not in the catalog",
    catalog.UnknownEntry("agt-x", ()): "agt-x is not in the catalog: it is named as an actor is, and this takes a lane",
    catalog.NotALane("x", "login"): "x is a login, not a lane: warden keeps no value for it",
    catalog.DeclaredWithFaults("x"): "x cannot be used: its file has errors",
    words.SeveralLanes(("x", "y")): "only one lane can be used at a time, and x, y were named",
    words.NotAnId("the key", "x"): (
        "'the key' is not the id of a lane, and values are handed out by exact id only; nearest: x"
    ),
    words.NotAnId("k"): "'k' is not the id of a lane, and values are handed out by exact id only",
    words.ForgottenDashes("x", "ls"): "ls stands behind x without -- in front of it, so it is not run",
    search.NotOwned(need="x"): "Nobody here owns this",
    search.NotOwned(need="x", nearest=(search.Nearest("y", "t"),), draft=True): (
        "Nobody here owns this yet; there is only a draft: y (t)"
    ),
    delivery_target.UnknownCluster(cluster="c", clusters=()): "clusters.yaml has no cluster c; it has none",
    delivery_target.NotDelivered(lane="x", cluster="c", clusters=("d",)): "x is not delivered to c, but to d",
    delivery_target.NothingDelivered(cluster="c", clusters=()): "no lane is delivered to any cluster, so not to c",
    delivery_target.ReaderUnclear(lane="x", cluster="c"): "x does not say which reader its delivery to c is for",
    put.FieldNotDeclared(lane="x", field="", fields=("A",)): "x has no such field; it has A",
    put.NotKv2("https://bao", "kv"): "https://bao has no KV version 2 engine at kv/",
}


@pytest.mark.parametrize(("problem", "words"), WORDS.items(), ids=lambda each: type(each).__name__)
def test_a_problem_in_words(problem, words):
    assert described(problem) == words


def test_every_doubt_has_its_words():
    texts = {described(put.Doubtful("F", (doubt,))) for doubt in Doubt}
    assert len(texts) == len(Doubt)


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (a.NotHandedOver(program="run"), "Nothing was read and run was not started."),
        (a.NotHandedOver(program="run", read=True), "run was not started."),
        (a.NotHandedOver(program=""), "Nothing was read."),
        (a.NotHandedOver(program="", read=True), "Nothing was handed over."),
        (put.ValueWritten(path="kv/x", fields=("F",), version=3), "F is in version 3 of kv/x."),
        (ValueCutShort(), "The value was not written, or only a part of it."),
        (Effect.NOTHING_CHANGED, "Nothing was changed."),
    ],
)
def test_an_effect_is_one_sentence(effect, words):
    assert described(effect) == words


def test_every_file_of_problems_is_registered():
    assert sorted(_SUBJECTS) == sorted(each.name for each in pkgutil.iter_modules(problems.__path__))


@pytest.mark.parametrize("module", [a, catalog, delivery_target, search, usecase, put], ids=lambda each: each.__name__)
def test_every_problem_that_is_raised_is_described(module):
    """A problem is a structure that is an error's first argument; nothing of it may be without words."""
    for subject in _SUBJECTS:
        importlib.import_module(f"warden.present.problems.{subject}")
    source = inspect.getsource(sys.modules[module.__name__])
    defined = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, msgspec.Struct) and each.__module__ == module.__name__
    ]
    raised = [each for each in defined if re.search(rf"(raise|return) \w+\(\s*{each.__name__}\(", source)]
    assert [each.__name__ for each in raised if describe.dispatch(each) is describe.dispatch(object)] == []


def test_only_the_subject_of_a_problem_is_imported():
    code = (
        "import sys\nfrom warden.core.lanes.search import NotOwned\nfrom warden.present.problems import described\n"
        "print(described(NotOwned(need='x')), 'warden.usecases.prove' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Nobody here owns this False\n"
