"""What must hold of ``journal`` in ``platform.yaml``."""

from collections.abc import Iterator

from warden.core.journal.location import is_postgresql, location_fault
from warden.core.lanes.catalog import Platform
from warden.core.lanes.rules import Complaint


def of_journal(platform: Platform) -> Iterator[Complaint]:
    """Everything that is wrong with it; nothing where there is none."""
    if platform.journal is None:
        return
    if fault := location_fault(platform.journal):
        yield Complaint("journal", fault)
    elif not is_postgresql(platform.journal):
        yield Complaint("journal", "is not a database; write postgresql://USER@HOST/DATABASE, or leave the key out")
    if platform.platform is None:
        yield Complaint("journal", "is shared, and tells platforms apart by name; write the line `platform: NAME`")
