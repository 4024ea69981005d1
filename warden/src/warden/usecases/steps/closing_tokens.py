"""Revoking the live tokens of a closed lane's readers, found by their accessors; an accessor is not a token."""

from warden.core.access_index.lane_tokens import LiveTokens, roles_of_lane_alone, shown, tokens_of
from warden.core.access_index.snapshot import LiveToken
from warden.core.errors import WardenError
from warden.core.lanes.lane import Lane
from warden.core.lifecycle.closed_parts import TokensPart
from warden.core.lifecycle.closing import Step
from warden.usecases.context import Context
from warden.usecases.steps.closing_records import StepRecords


def revoke_tokens(
    lane: Lane, context: Context, records: StepRecords, policies: frozenset[str] = frozenset()
) -> TokensPart:
    """Revoke each; `policies` are further ones that the lane had. What may not be seen or done is in the answer.

    The caller's own token is left. Raises `JournalUnwritable`.
    """
    try:
        if context.snapshots is None:
            return TokensPart()
        alive = context.snapshots.tokens()
    except WardenError as fault:
        return TokensPart(fault=fault)
    found = tokens_of(alive.tokens, policies | {*lane.policy_names}, roles_of_lane_alone(lane, context.lanes.values()))
    return _revoked(alive, found, context, records)


def _revoked(alive: LiveTokens, found: tuple[LiveToken, ...], context: Context, records: StepRecords) -> TokensPart:
    own = next((each for each in found if each.accessor == alive.caller), None)
    found = tuple(each for each in found if each is not own)
    step = Step(kind="revoke-tokens")
    revoked: list[LiveToken] = []
    fault: WardenError | None = None
    if found:
        records.record(step, doing="revoke", tokens=[shown(each) for each in found])
        for each in found:
            try:
                context.vault.revoke_accessor(each.accessor)
            except WardenError as refusal:
                fault = refusal
                break
            revoked.append(each)
        records.record(step, done="revoked", revoked=len(revoked), left=len(found) - len(revoked))
    return TokensPart(revoked=tuple(revoked), left=found[len(revoked) :], own=own, unknown=alive.unknown, fault=fault)
