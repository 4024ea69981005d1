"""The change request under which a protected lane was changed, in one line."""

from warden.core.plans.lane_plan import ApprovedBy


def approved_by(approved: ApprovedBy) -> str:
    """Which request, who approved it, and the digest of what they approved."""
    who = ", ".join(approved.approvers)
    return f"Under {approved.request} ({approved.request_type}), approved by {who} · {approved.digest}"
