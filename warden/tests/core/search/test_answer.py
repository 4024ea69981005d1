import sys
import time
import tomllib
from pathlib import Path

import pytest

from warden.adapters.catalog.files import load_catalog
from warden.adapters.catalog.search_index import compiled
from warden.adapters.catalog.stemming import Snowball
from warden.core.search.answer import answer

HERE = Path(__file__).parent
STEMMERS = Snowball()
FOLDERS = {"ours": HERE.parents[3] / "platform"} | {each.name: each for each in (HERE / "catalogs").iterdir()}
CATALOGS = {name: load_catalog(str(folder)) for name, folder in FOLDERS.items()}
INDEXES = {name: compiled(found) for name, found in CATALOGS.items()}
INDEXES["ours again"] = INDEXES["ours"]
OURS = INDEXES["ours"]

# A little below what was measured when the weights were fitted (docs/route.md). The aims: 95, 99, at most 1 and 97 %.
FLOORS = {
    "heldout": {"first": 0.95, "three": 0.985, "wrong": 0.01, "foreign": 0.97},
    "develop": {"first": 0.98, "three": 0.99, "wrong": 0.01, "foreign": 0.93},  # it has homonyms: "port of Hamburg"
}


def labelled(name: str) -> list[tuple[str, str, str]]:
    """(catalog, need, the right id or nothing) of a set."""
    declared = tomllib.loads((HERE / f"{name}.toml").read_text())
    return [
        (catalog, need, "" if entry == "nobody" else entry)
        for catalog, entries in declared.items()
        for entry, kinds in entries.items()
        for needs in kinds.values()
        for need in needs
    ]


@pytest.mark.parametrize("name", FLOORS)
def test_the_rates_on_the_labelled_needs(name, record_property):
    found = [(need, right, answer(INDEXES[catalog], need, STEMMERS)) for catalog, need, right in labelled(name)]
    owned = [(need, right, given) for need, right, given in found if right]
    foreign = [(need, given) for need, right, given in found if not right]
    told = {need: [hit.id for hit in given.hits] if given.verdict != "nobody" else [] for need, _, given in owned}
    wrong = [(need, right, told[need]) for need, right, given in owned if given.verdict == "found"]
    wrong = [each for each in wrong if each[2] != [each[1]]]
    rates = {
        "first": sum(told[need][:1] == [right] for need, right, _ in owned) / len(owned),
        "three": sum(right in told[need] for need, right, _ in owned) / len(owned),
        "wrong": len(wrong) / len(owned),
        "foreign": sum(given.verdict != "found" for _, given in foreign) / len(foreign),
    }
    sys.stdout.write(f"{name}: {rates} of {len(owned)} and {len(foreign)}\n")
    record_property("rates", str(rates))
    floors = FLOORS[name]
    assert rates["first"] >= floors["first"]
    assert rates["three"] >= floors["three"]
    assert rates["wrong"] <= floors["wrong"], wrong
    assert rates["foreign"] >= floors["foreign"], [need for need, given in foreign if given.verdict == "found"]


def test_the_held_out_set_is_large_and_has_every_entry_and_kind():
    held = labelled("heldout")
    assert len(held) >= 300
    assert {right for catalog, _, right in held if catalog == "ours"} == {*CATALOGS["ours"].entries, ""}
    assert len({catalog for catalog, _, _ in held}) > 1


def test_no_catalog_of_the_needs_has_faults():
    assert {name: found.faults for name, found in CATALOGS.items() if found.faults} == {}


@pytest.mark.parametrize("entry_id", CATALOGS["ours"].entries)
def test_an_exact_id_is_found_alone(entry_id):
    given = answer(OURS, f" {entry_id.upper()} ", STEMMERS)
    assert (given.verdict, [(hit.id, hit.score) for hit in given.hits]) == ("found", [(entry_id, 1.0)])


NAMED = {
    "CCR-2026-0002": "issue-core-ingestion-api-key",
    "see RAILIANCE-WP-0010 T06 for this": "openrouter-llm-connect",
    "platform/workloads/coulomb/whynot-design/npm-publish": "whynot-design-npm-publish",
    "error: GITEA_BACKEND_TOKEN is not set": "issue-core-ingestion-api-key",
    "pod cannot mount activity-core/llm-connect-provider-secrets": "openrouter-llm-connect",
    "permission denied reading ISSUE_CORE_API_KEY": "issue-core-ingestion-api-key",
    "workload-kv-read-npm-publish": "whynot-design-npm-publish",
    "service account activity-core/activity-core": "issue-core-ingestion-api-key",
    "group npm-publishers": "whynot-design-npm-publish",
    "ClusterSecretStore/openbao-issue-core is not ready": "issue-core-ingestion-api-key",
    "docs/playbooks/openrouter-llm-connect.md": "openrouter-llm-connect",
}


@pytest.mark.parametrize(("need", "right"), NAMED.items())
def test_an_identifier_finds_its_entry_surely(need, right):
    given = answer(OURS, need, STEMMERS)
    assert (given.verdict, given.hits[0].id) == ("found", right)


@pytest.mark.parametrize("need", ["may the triage bot read OPENROUTER_API_KEY", "darf ich GITEA_BACKEND_TOKEN lesen?"])
def test_who_asks_for_permission_is_sent_to_who_decides_and_the_named_entry_is_second(need):
    given = answer(OURS, need, STEMMERS)
    assert (given.verdict, given.hits[0].id) == ("unsure", "flex-auth-policy-check")
    assert given.hits[1].id in {"openrouter-llm-connect", "issue-core-ingestion-api-key"}


@pytest.mark.parametrize(
    "need", ["no", "why", "not", "", "   ", "🔑", "?" * 5000, "的密钥", "the of and", "zeppelin hangar"]
)
def test_words_that_say_nothing_find_nothing(need):
    assert answer(OURS, need, STEMMERS).verdict == "nobody"


def test_names_of_others_are_never_found_surely():
    for name in ("stripe", "github", "anthropic", "datadog", "slack"):
        assert answer(OURS, f"{name} api key", STEMMERS).verdict != "found"


def test_a_catalog_that_has_a_name_takes_it_off_the_names_of_others():
    given = answer(INDEXES["shop"], "stripe api key", STEMMERS)
    assert (given.verdict, given.hits[0].id) == ("found", "stripe-checkout")


@pytest.mark.parametrize("need", [need for _, need, _ in labelled("develop")[::7]])
def test_an_answer_has_few_hits_with_scores_best_first(need):
    given = answer(OURS, need, STEMMERS)
    scores = [hit.score for hit in given.hits]
    assert len(scores) <= (1 if given.verdict == "found" else 3)
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_capitals_accents_and_umlauts_do_not_matter():
    for one, other in (("Schlüssel für das Sprachmodell", "SCHLUESSEL FUER DAS SPRACHMODELL"), ("clé npm", "cle npm")):
        assert answer(OURS, one, STEMMERS) == answer(OURS, other, STEMMERS)


def test_a_need_of_ten_thousand_words_is_answered_in_time():
    many = " ".join(f"wird{number}" for number in range(10_000))
    for need in ("openruoter certifcate " * 5000, many, "x" * 100_000, "datenbank" * 5_000):
        began = time.process_time()
        answer(OURS, need, STEMMERS)
        assert time.process_time() - began < 5.0
