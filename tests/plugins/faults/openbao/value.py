"""The value, what is written beside it, and the mount where it is."""

from faults import Fault
from faults.openbao.kit import data, must


def metadata(bench):
    return f"platform/metadata/{bench.path}"


def settings(**fields):
    """Change settings of the path; the marks stay."""
    return lambda bench: must(bench, "POST", metadata(bench), **fields)


def mark(key, value):
    """Patch one key of the custom metadata; ``None`` removes it."""

    def plant(bench):
        shown = {key: value and value.replace("VALUE", bench.value)}
        custom = bench.server.must("GET", metadata(bench))["data"]["custom_metadata"] | shown
        kept = {name: each for name, each in custom.items() if each is not None}
        must(bench, "POST", metadata(bench), custom_metadata=kept)

    return plant


def without_marks(bench):
    must(bench, "POST", metadata(bench), custom_metadata={})


def holds(value):
    return lambda bench: must(bench, "POST", data(bench), data={"API_KEY": value})


def destroyed(bench):
    must(bench, "PUT", data(bench).replace("/data/", "/destroy/"), versions=[1])


def earlier_version_only(bench):
    must(bench, "POST", data(bench), data={"API_KEY": bench.value})
    must(bench, "DELETE", data(bench))


def deleted_altogether(bench):
    must(bench, "DELETE", metadata(bench))


FAULTS = [
    Fault("value", "never put", deleted_altogether, "live-version metadata"),
    Fault("value", "destroyed", destroyed, "live-version"),
    Fault("value", "the newest version is deleted, an earlier one is not", earlier_version_only, "live-version"),
    Fault(
        "value", "only a field of another name", lambda b: must(b, "POST", data(b), data={"OTHER": "x"}), "live-version"
    ),
    Fault("value", "no field at all", lambda b: must(b, "POST", data(b), data={}), "live-version"),
    Fault("value", "the field holds fields", holds({"inner": "x"}), "value-form"),
    Fault("value", "versions delete themselves", settings(delete_version_after="1h"), "expiring-version"),
    Fault("value", "one version is kept", settings(max_versions=1), "max-versions"),
    Fault("metadata", "no marks", without_marks, "metadata"),
    Fault("metadata", "the marks are of another lane", mark("catalog-id", "somebody-elses"), "metadata"),
    Fault("metadata", "another owner", mark("owner-custody", "somebody-else"), "metadata"),
    Fault("metadata", "another policy is named", mark("policy", "another-policy"), "metadata"),
    Fault("metadata", "the value, in clear", mark("note", "VALUE"), "value-in-metadata"),
    Fault("metadata", "the value in a sentence", mark("note", "was VALUE until Monday"), "value-in-metadata"),
]
