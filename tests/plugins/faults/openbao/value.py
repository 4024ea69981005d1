"""The value, what is written beside it, and the settings of its path."""

from faults import Fault
from faults.openbao.kit import data, must


def metadata(bench):
    return f"platform/metadata/{bench.path}"


def settings(**fields):
    """Change settings of the path; the marks stay."""
    return lambda bench: must(bench, "POST", metadata(bench), **fields)


def of_the_mount(**fields):
    return lambda bench: must(bench, "POST", "platform/config", **fields)


def mark(key, value):
    """Set one key of the custom metadata; ``None`` removes it."""

    def plant(bench):
        custom = bench.server.must("GET", metadata(bench))["data"]["custom_metadata"]
        kept = custom | {key: value and value.replace("VALUE", bench.value)}
        must(bench, "POST", metadata(bench), custom_metadata={name: each for name, each in kept.items() if each})

    return plant


def in_a_sentence(bench):
    """A value of ordinary words would count as a whole text alone."""
    bench.value = "sk-9fQ2xT7mZ4kLp0Wd"
    bench.put()
    mark("note", "was VALUE until Monday")(bench)


def without_marks(bench):
    must(bench, "POST", metadata(bench), custom_metadata={})


def written(bench, fields):
    """A version with these fields; what is there is checked, as OpenBao may require it."""
    version = bench.server.must("GET", metadata(bench))["data"]["current_version"]
    must(bench, "POST", data(bench), data=fields, options={"cas": version})


def fields(**held):
    return lambda bench: written(bench, held)


def holds(value):
    return fields(API_KEY=value)


def destroyed(bench):
    must(bench, "PUT", data(bench).replace("/data/", "/destroy/"), versions=[1])


def earlier_version_only(bench):
    written(bench, {"API_KEY": bench.value})
    must(bench, "DELETE", data(bench))


def deleted_altogether(bench):
    must(bench, "DELETE", metadata(bench))


def form(name, value):
    return Fault("value", name, holds(value), "value-form", inspect=True)


FAULTS = [
    Fault("value", "never put", deleted_altogether, "live-version metadata"),
    Fault("value", "destroyed", destroyed, "live-version"),
    Fault("value", "the newest version is deleted, an earlier one is not", earlier_version_only, "live-version"),
    Fault("value", "only a field of another name", fields(OTHER="x"), "live-version"),
    Fault("value", "no field at all", fields(), "live-version"),
    Fault("value", "the field holds fields", holds({"inner": "x"}), "value-form"),
    form("null", None),
    form("empty", ""),
    form("white space", "   "),
    form("white space at its end", "sk-planted-0123456789 "),
    form("a line break at its end", "sk-planted-0123456789\n"),
    form("a number", 12345678901),
    form("a truth value", True),
    form("a list", ["sk-planted-0123456789"]),
    form("CHANGEME", "CHANGEME"),
    form("a template that nobody filled in", "${API_KEY}"),
    form("the path of a file", "/run/secrets/api-key"),
    form("a reference to another store", "vault:secret/data/api#key"),
    Fault("value", "versions delete themselves", settings(delete_version_after="1h"), "expiring-version"),
    Fault("value", "one version is kept", settings(max_versions=1), "max-versions"),
    Fault("value", "who writes need not know what is there", settings(cas_required=False), "cas-required"),
    Fault("mount", "versions delete themselves", of_the_mount(delete_version_after="1h"), "expiring-version"),
    Fault("mount", "one version is kept", of_the_mount(max_versions=1), "max-versions"),
    Fault("metadata", "no marks", without_marks, "metadata"),
    Fault("metadata", "the marks are of another lane", mark("catalog-id", "somebody-elses"), "metadata"),
    Fault("metadata", "another owner", mark("owner-custody", "somebody-else"), "metadata"),
    Fault("metadata", "no owner", mark("owner-consumer", None), "metadata"),
    Fault("metadata", "another policy is named", mark("policy", "another-policy"), "metadata"),
    Fault("metadata", "the value, in clear", mark("note", "VALUE"), "value-in-metadata", inspect=True),
    Fault(
        "metadata",
        "the value in a sentence",
        in_a_sentence,
        "value-in-metadata",
        inspect=True,
    ),
    Fault("metadata", "a text that nobody compared", mark("note", "VALUE"), "", "value-in-metadata", mends=False),
]
