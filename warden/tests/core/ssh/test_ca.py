"""Who signs what, by the inventory."""

import pytest

from warden.core.errors import Effect, UsageError
from warden.core.inventory.inventory import Authorities, DeclaredAuthority, Inventory
from warden.core.remedies import EditFile
from warden.core.ssh.ca import expect_authority


@pytest.mark.parametrize("purpose", ["hosts", "break-glass"])
def test_an_inventory_without_an_authority_for_it_says_where_to_name_one(purpose):
    field = purpose.replace("-", "_")
    with pytest.raises(UsageError) as refused:
        expect_authority(purpose, Inventory(), Effect.NOTHING_SIGNED)
    assert refused.value.effect == Effect.NOTHING_SIGNED
    assert refused.value.remedy == (EditFile(file="inventory.yaml", field=f"authorities.{field}"),)
    ours = DeclaredAuthority(key="/etc/ca")
    assert expect_authority(purpose, Inventory(authorities=Authorities(**{field: ours})), Effect.NOTHING_DONE) == ours
