"""The change request under which a protected lane was changed, in one line."""

from collections.abc import Sequence

from warden.core.plans.lane_plan import ApprovedBy


def approved_by(approved: ApprovedBy) -> str:
    """Which request, who approved it, and the digest of what they approved."""
    who = ", ".join(approved.approvers)
    return f"Under {approved.request} ({approved.request_type}), approved by {who} · {approved.digest}"


def needing(protected: Sequence[str]) -> str:
    """Who has to approve a plan, as a sentence behind another one; empty where nobody has to."""
    return f" It needs the approval of {' and '.join(protected)}." if protected else ""
