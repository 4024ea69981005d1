"""Lanes for tests that need no server: what a lane file has to say is there, what counts is said by the test."""

import datetime as dt

from warden.core.lanes.lane import Custody, Lane, Owner, Owners, Workload, WorkloadReader


def declare(name: str = "first", **fields: object) -> Lane:
    usual = {
        "id": name,
        "title": f"the key of {name}",
        "status": "active",
        "reviewed": dt.date(2026, 11, 1),
        "owners": Owners(
            custody=Owner(repo="platform-team", doc="docs/openbao.md"),
            consumer=Owner(repo="app-team", doc="README.md"),
            runtime=Owner(repo="run-team", doc="README.md"),
        ),
        "custody": Custody(path=f"platform/workloads/tenant/{name}/{name}-secrets", fields=("API_KEY",)),
        "readers": (WorkloadReader(workload=Workload("tenant", name)),),
    }
    return Lane(**usual | fields)
