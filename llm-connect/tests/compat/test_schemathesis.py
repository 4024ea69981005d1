"""schemathesis on /openapi.json: no status and no shape that is not in it, and no failure of the server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from llm_connect.profiles import CUSTODIAN_TRIAGE

PROGRAM = Path(sys.executable).parent / "schemathesis"


def test_what_it_sends_is_answered_as_documented(simulator, gateway_to, tmp_path):
    with gateway_to(simulator, {CUSTODIAN_TRIAGE.name: CUSTODIAN_TRIAGE}) as url:
        done = subprocess.run(
            [PROGRAM, "run", f"{url}/openapi.json", "--max-examples", "30", "--seed", "20", "--workers", "1",
             "--phases", "examples,coverage,fuzzing", "--no-color", "--generation-deterministic",
             "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
             "response_schema_conformance,response_headers_conformance,unsupported_method"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    assert re.search(r"(\d{2,}) generated", done.stdout), done.stdout[-1500:]
