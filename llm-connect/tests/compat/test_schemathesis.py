"""schemathesis on /openapi.json: no status and no shape that is not in it, and nothing unexpected in the gateway.

Its check `not_a_server_error` is left out: on a busy machine 504 is the right answer to a `timeout_seconds` of 0.1.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from llm_connect.config.profiles import CUSTODIAN_TRIAGE

CHECKS = (
    "status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,"
    "unsupported_method"
)
PROGRAM = Path(__file__).parents[3] / ".venv-schemathesis/bin/schemathesis"


def test_what_it_sends_is_answered_as_documented(simulator, gateway_to, tmp_path, caplog):
    with gateway_to(simulator, {CUSTODIAN_TRIAGE.name: CUSTODIAN_TRIAGE}) as url:
        done = subprocess.run(
            [PROGRAM, "run", f"{url}/openapi.json", "--max-examples", "30", "--seed", "20", "--workers", "1",
             "--phases", "examples,coverage,fuzzing", "--no-color", "--generation-deterministic",
             "--checks", CHECKS],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    assert [record for record in caplog.records if record.getMessage() == "unexpected"] == []
    assert re.search(r"(\d{2,}) generated", done.stdout), done.stdout[-1500:]
