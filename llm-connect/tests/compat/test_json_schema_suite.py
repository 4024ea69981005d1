"""JSON-Schema-Test-Suite, as the jsonschema source distribution ships it, by the validation that answers get here.

Left out, and why:

- draft 3 and drafts to come: not offered (docs/adr/0017);
- each group whose schema refers to another document, or names a vocabulary of its own as `$schema`: nothing is ever
  fetched, so those have to be refused, which is what is asserted of them;
- `optional/`: what a draft leaves to whoever implements it. Run are the parts that say something of numbers and texts
  that answers hold (OPTIONAL); formats are annotations from 2019-09 on, and in earlier drafts a matter of choice.
"""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from llm_connect.structured.schemas import Schemas
from llm_connect.structured.validation import InvalidSchema, compile_schema, validate

DRAFTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
OPTIONAL = ("optional/bignum.json", "optional/non-bmp-regex.json", "optional/float-overflow.json")
FEWEST = {"draft4": 600, "draft6": 800, "draft7": 900, "draft2019-09": 1150, "draft2020-12": 1200}
"""Cases that a draft has at least: fewer would mean that the suite was not found."""
REFUSED = ("refers to another document; nothing is fetched", "Custom meta-schemas must be registered")


def files(sources, draft):
    (root,) = sources.glob("jsonschema-*/json/tests")
    there = root / draft
    return [*sorted(there.glob("*.json")), *(there / name for name in OPTIONAL if (there / name).is_file())]


def cases(sources, draft):
    """Group, schema with its draft named, text, verdict."""
    for file in files(sources, draft):
        for group in json.loads(file.read_text(encoding="utf-8")):
            schema = group["schema"]
            if isinstance(schema, dict):
                schema = {"$schema": DRAFTS[draft], **schema}
            for test in group["tests"]:
                where = f"{file.name}: {group['description']}: {test['description']}"
                yield where, schema, json.dumps(test["data"]), test["valid"]


@pytest.mark.parametrize("draft", DRAFTS)
def test_each_verdict_is_the_suites(sources, draft):
    wrong, refused, judged = [], [], 0
    for where, schema, text, valid in cases(sources, draft):
        try:
            validator = compile_schema(schema)
        except InvalidSchema as found:
            refused.append((where, str(found)))
            continue
        judged += 1
        if validate(validator, text, "stop")["valid"] is not valid:
            wrong.append(where)
    assert [each for each in refused if not any(reason in each[1] for reason in REFUSED)] == []
    assert wrong == []
    assert judged >= FEWEST[draft], f"{judged} judged, {len(refused)} refused"


@pytest.mark.parametrize("draft", DRAFTS)
async def test_and_so_it_is_by_the_way_that_a_request_takes(sources, draft):
    """Through `Schemas`: the limits of a worker are wide enough for each of them."""
    schemas, wrong, judged = Schemas(), [], 0
    for where, schema, text, valid in cases(sources, draft):
        with suppress(InvalidSchema):
            checked = await schemas.checked(schema)
            judged += 1
            if (await schemas.validate(checked, text, "stop"))["valid"] is not valid:
                wrong.append(where)
    await schemas.close()
    assert wrong == []
    assert judged >= FEWEST[draft], judged
