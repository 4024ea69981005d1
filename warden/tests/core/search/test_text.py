import pytest

from warden.core.search.text import corrections, distance, form, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OPENROUTER_API_KEY", "openrouter api key"),
        ("AuthorizedPrincipalsFile", "authorized principals file"),
        ("Schlüssel, Straße", "schluessel strasse"),
        ("clé d'accès", "cle d acces"),
        ("\uff21\uff30\uff29 ① k8s", "api 1 k8s"),  # full-width letters, a number in a circle
        ("a/b-c.d@e", "a b c d e"),
        ("", ""),
    ],
)
def test_words(text, expected):
    assert form(text) == expected == " ".join(words(text))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("token", "token", 0), ("tokne", "token", 1), ("tokn", "token", 1), ("takne", "token", 2), ("a", "token", 3)],
)
def test_distance(one, other, expected):
    assert distance(one, other, 2) == expected == distance(other, one, 2)


KNOWN = ["openrouter", "ssh", "core", "token", "certificate", "publish", "port"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("opnerouter", "openrouter"),
        ("openruotre", "openrouter"),  # two, in a long word
        ("shs", "ssh"),
        ("tokne", "token"),
        ("certifcate", "certificate"),
        ("code", ""),  # another word
        ("post", ""),
        ("sch", ""),
        ("1234", ""),
        ("xpublish", ""),  # another first letter
    ],
)
def test_corrections(word, expected):
    found = corrections(word, KNOWN)
    assert (found[0][1] if found else "") == expected
