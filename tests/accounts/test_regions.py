import pytest
from django.core.management import CommandError, call_command

from accounts.models import BillingAccount, Region
from accounts.selectors import regions
from tests.accounts import build

pytestmark = pytest.mark.django_db


def _region(code: str, parent: Region | None = None) -> Region:
    level = Region.Level.CITY if parent is None else Region.Level.DISTRICT
    return Region.objects.create(code=code, name=code, level=level, parent=parent)


def test_a_region_is_itself_and_what_lies_below() -> None:
    city = _region("R1")
    below = _region("R11", city)
    lowest, other = _region("R111", below), _region("R2")
    assert set(regions.beneath("R1")) == {city.pk, below.pk, lowest.pk}
    assert regions.beneath("R2") == [other.pk]
    with pytest.raises(regions.UnknownRegion):
        regions.beneath("R3")


def test_only_the_accounts_of_the_region() -> None:
    city = _region("R1")
    inside, outside = build.account("8100000011"), build.account("8100000012")
    BillingAccount.objects.filter(pk=inside.pk).update(region=_region("R11", city))
    BillingAccount.objects.filter(pk=outside.pk).update(region=_region("R2"))
    found = BillingAccount.objects.filter(regions.only("R1", "region_id"))
    assert list(found) == [inside]
    assert set(BillingAccount.objects.filter(regions.only(""))) >= {inside, outside}


@pytest.mark.parametrize("command", ["mail_bills", "warn_large_bills", "reconcile_payments"])
def test_commands_refuse_a_region_that_does_not_exist(command: str) -> None:
    with pytest.raises(CommandError, match="没有这个区域代码"):
        call_command(command, "--region", "R3")
