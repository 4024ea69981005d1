"""What must hold of ``platform.yaml``, beyond the types of its fields."""

from collections.abc import Iterator

from warden.core.lanes.catalog import Platform
from warden.core.lanes.environment_rules import of_administrators, of_environments
from warden.core.lanes.journal_rules import of_journal
from warden.core.lanes.notify import of_notices
from warden.core.lanes.policy_points import of_policy_points
from warden.core.lanes.rules import Complaint
from warden.core.lanes.signing_rules import of_signing


def of_platform(platform: Platform) -> Iterator[Complaint]:
    """Everything that is wrong with it; what concerns ``clusters.yaml`` is `of_their_clusters`."""
    yield from of_environments(platform.environments)
    yield from of_administrators(platform.may_administer)
    yield from of_signing(platform.signing)
    if not _is_below(platform.playbooks):
        yield Complaint("playbooks", "is not a folder of the repository; write docs/playbooks, say")
    yield from of_journal(platform)
    for field, clause in of_notices(platform.notify, platform.state_hub):
        yield Complaint(field, clause)
    for field, clause in of_policy_points(platform.policy_points, platform.access_policies):
        yield Complaint(field, clause)


def _is_below(folder: str) -> bool:
    """Whether the folder lies below the one that it is relative to."""
    return bool(folder) and not folder.startswith(("/", "~")) and ".." not in folder.split("/")
