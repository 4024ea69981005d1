"""What a value looks like that was cut, masked or mangled on its way."""

import random
import string

import pytest

from warden.core.access.value_check import Doubt, doubts, form_doubts
from warden.core.secret import Secret

ALL = string.ascii_letters + string.digits + string.punctuation


def cut(start, length):
    return start + "0aZ9"[: (length - len(start)) % 4] + "0aZ9" * ((length - len(start)) // 4)


@pytest.mark.parametrize(
    ("start", "length"),
    [("sk-or-v1-", 73), ("ghp_", 40), ("gho_", 40), ("ghs_", 40), ("npm_", 40), ("glpat-", 26), ("AKIA", 20)],
)
def test_a_known_kind_of_key_has_its_length(start, length):
    assert doubts(Secret(cut(start, length))) == ()
    assert doubts(Secret(cut(start, length - 1))) == (Doubt.TRUNCATED,)


DOUBTS = {
    "one\rtwo-lines": (Doubt.SEVERAL_LINES,),
    "value-with-a-dot\n": (Doubt.SEVERAL_LINES, Doubt.PADDED),
    "eyJhbGciOi.eyJzdWIiOi": (Doubt.TRUNCATED,),
    "cut-off…": (Doubt.TRUNCATED,),
    '{"type": "service_account", "pri': (Doubt.TRUNCATED,),
    '[{"a": 1}': (Doubt.TRUNCATED,),
    '{"type": "service_account"}': (),
    "{aB3(password": (),
    "[x]y{z": (),
    "abc*****": (Doubt.MASKED,),
    "<key>": (Doubt.MASKED,),
    "`value`": (Doubt.QUOTED,),
    "'value'": (Doubt.QUOTED,),
    "abcd****": (),
    "xyz": (),
    "'value": (),
    "<key": (),
    "CHANGEME": (Doubt.PLACEHOLDER,),
    "Replace_Me": (Doubt.PLACEHOLDER,),
    "your-openrouter-api-key": (Doubt.PLACEHOLDER,),
    "null": (Doubt.PLACEHOLDER,),
    "AKIAIOSFODNN7EXAMPLE": (Doubt.PLACEHOLDER,),
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": (Doubt.PLACEHOLDER,),
    **dict.fromkeys(
        ("test", "password", "my-secret", "N/A", "-", "placeholder-value", "secret_value", "token here", "api.key"),
        (Doubt.PLACEHOLDER,),
    ),
    "testament": (),
    "mypassport": (),
    "change-of-seasons-2024": (),
    "${API_KEY}": (Doubt.REFERENCE,),
    "postgres://app:${DB_PASSWORD}@db/app": (Doubt.REFERENCE,),
    "key-{{ .Values.key }}-a": (Doubt.REFERENCE,),
    "$API_KEY": (Doubt.REFERENCE,),
    "op://vault/item/field": (Doubt.REFERENCE,),
    "P$5_a{b}": (),
    "/run/secrets/api-key": (Doubt.PATH,),
    "~/keys/api.txt": (Doubt.PATH,),
    "/services/T0A/B0C/9xQ": (),
    "Y2hhbmdlbWU=": (Doubt.ENCODED,),
    "JHtBUElfS0VZfQ==": (Doubt.ENCODED,),
    "c2stYS1yZWFsLW9uZQ==": (),
    "OTHER_KEY=abc": (),
    **dict.fromkeys(
        ("changeme123", "ChangeMe-1", "password1!", "sk-or-v1-" + "0" * 64, "ghp_" + "a" * 36), (Doubt.PLACEHOLDER,)
    ),
    "sk-or-v1-0000000": (Doubt.TRUNCATED, Doubt.PLACEHOLDER),
    "sk-or-v1-" + "x" * 64: (Doubt.MASKED,),
    "changeme2themoon": (),
    "password12345": (),
    "0" * 64: (),
    **dict.fromkeys(("value", "key", "x", "value-1", "key2", "secret-2"), ()),
    **dict.fromkeys(("./x.pem", "../Keys/API.txt", "~/x"), (Doubt.PATH,)),
    "/T0A": (),
    **dict.fromkeys(
        (
            "Error: no such secret",
            "bao: error: not found",
            "bash: op: command not found",
            "cat: /nope: No such file or directory",
            "<html>a</html>",
            "<!DOCTYPE html><p>",
        ),
        (Doubt.MESSAGE,),
    ),
    "error:0x5f:a": (),
    "<samlp:Response ID='a'>b</samlp:Response>": (),
}


@pytest.mark.parametrize("value", DOUBTS)
def test_each_doubt_is_for_its_reason_and_there_is_no_other(value):
    assert doubts(Secret(value)) == DOUBTS[value]


def test_a_line_with_a_variable_is_doubted_also_where_it_is_another_one():
    assert doubts(Secret("api_key: abc"), "API_KEY") == (Doubt.ASSIGNMENT,)
    assert doubts(Secret("OTHER_KEY=abc"), "API_KEY") == (Doubt.ASSIGNMENT,)
    assert doubts(Secret("export X=abcdef"), "API_KEY") == (Doubt.ASSIGNMENT,)
    assert doubts(Secret("set x=abcdef"), "API_KEY") == (Doubt.ASSIGNMENT,)
    for real in ("export-x=abcdef", "settings x=a", "SERVER_NAME=db;UID=app", "A_B=", "a9_x=b", "DEAD_BEEF=="):
        assert doubts(Secret(real), "API_KEY") == (), real


PEM = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
FORMS = {
    None: (Doubt.NULL,),
    5432: (Doubt.NOT_TEXT,),
    True: (Doubt.NOT_TEXT,),
    "": (Doubt.EMPTY,),
    " \n": (Doubt.EMPTY,),
    "sk-real\n": (Doubt.PADDED,),
    " sk-real": (Doubt.PADDED,),
    PEM: (),
    "changeme": (Doubt.PLACEHOLDER,),
    "y" * 5000: (),
}


@pytest.mark.parametrize("value", FORMS)
def test_what_is_stored_is_judged_by_its_form_and_not_by_how_it_was_typed(value):
    assert form_doubts(value, "API_KEY") == FORMS[value]


def test_lists_and_objects_are_not_text():
    assert form_doubts({"API_KEY": "a"}, "API_KEY") == form_doubts(["a"], "API_KEY") == (Doubt.NOT_TEXT,)


def test_random_values_are_hardly_ever_doubted():
    random.seed(7)
    alphabets = (string.hexdigits, string.ascii_letters + string.digits + "-_", string.ascii_letters + "+/", ALL)
    made = ["".join(random.choices(alphabets[i % 4], k=random.randint(12, 60))) for i in range(20_000)]
    assert len([each for each in made if form_doubts(each, "API_KEY")]) < 20
