"""The table of limits knows what the hall offers: operations that write to strangers or bring files have their own."""

from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from accounts.models import Invitation
from core import clock, limits
from core.uploads.models import Upload
from hall import checks
from operations import registry
from operations.attachments import AttachmentField
from resources.models import NumberPeriod
from tests.accounts import build
from tests.conftest import NOON
from tests.resources import build as numbers_build

BRING_FILES = sorted(
    operation.code
    for operation in registry.everything()
    if any(isinstance(field, AttachmentField) for field in operation.form_class.base_fields.values())
)


def test_there_are_operations_that_bring_files() -> None:
    assert "bill.dispute" in BRING_FILES


@pytest.mark.parametrize("code", [*BRING_FILES, "member.invite"])
def test_it_has_a_limit_of_its_own(settings: Any, code: str) -> None:
    assert f"POST operations:form {code}" in settings.RATE_LIMITS


def test_every_entry_is_of_an_address_and_an_operation(settings: Any) -> None:
    assert checks.limits_are_of_addresses() == []
    settings.RATE_LIMITS = {
        "POST operations:form member.invited": "1/h/user",
        "POST operations:from": "1/h/user",
        "POST operations:form member.invite now": "1/h/user",
    }
    assert [each.id for each in checks.limits_are_of_addresses()] == ["hall.E004"] * 3


@pytest.mark.django_db
def test_who_invites_too_often_is_refused_and_nothing_is_made(client: Client) -> None:
    """Each invitation is a message to somebody who did not ask for it."""
    owner, account = build.user(), build.account()
    build.bind(owner, account)
    client.force_login(owner)
    asked = {"_step": "quote", "account": account.number, "phone": build.OTHER_PHONE, "role": "PAYER"}
    answers = [client.post("/operations/member.invite/", asked).status_code for _ in range(21)]
    assert (set(answers[:20]), answers[20]) == ({200}, 429)
    assert client.get("/operations/member.invite/").status_code == 200
    assert not Invitation.objects.exists()


@pytest.mark.django_db
def test_who_sends_files_too_often_is_refused_before_any_is_kept(client: Client, settings: Any) -> None:
    settings.RATE_LIMITS = {"POST operations:form bill.dispute": "1/h/user"}
    client.force_login(build.user())
    assert client.post("/operations/bill.dispute/", {}).status_code != 429
    assert client.post("/operations/bill.dispute/", {}).status_code == 429
    assert not Upload.objects.exists()


DAILY_BREAD = (  # what is sold, held and owed: looking, pricing, choosing
    "resources:numbers", "POST resources:hold", "POST resources:extend", "POST resources:release",
    "POST operations:form number.hold", "POST api:submit number.hold", "catalog:offers", "catalog:offer",
    "catalog:compare", "catalog:tariffs", "catalog:next_bill", "catalog:advice", "catalog:order", "catalog:change",
    "catalog:cancel", "catalog:pause", "catalog:resume", "catalog:services_export", "resources-api:numbers",
    "POST resources-api:hold", "offers-api:price", "api:quote",
    "arrears:accounts", "arrears:account", "arrears:escalations", "arrears-api:accounts", "arrears-api:account",
)  # fmt: skip


@pytest.mark.parametrize("name", DAILY_BREAD)
def test_what_costs_work_is_limited_by_person_or_by_network(settings: Any, name: str) -> None:
    assert {limit.per for limit in limits.parse(settings.RATE_LIMITS[name])} == {"user"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/tariffs/products/", "/offers/", "/offers/compare/", "/numbers/"])
def test_a_visitor_who_reads_like_a_machine_is_slowed_and_his_neighbour_is_not(
    settings: Any, path: str
) -> None:
    """As many as the table says pass for one network, and none more; another network's visitor reads on."""
    view = resolve(path).view_name
    [limit] = limits.parse(settings.RATE_LIMITS[view])
    settings.RATE_LIMITS = {view: f"2/{'m' if limit.seconds == 60 else 'h'}/{limit.per}"}
    with clock.stopped(NOON):
        answers = [Client().get(path, REMOTE_ADDR="192.0.2.1").status_code for _ in range(3)]
        assert answers == [200, 200, 429]
        assert Client().get(path, REMOTE_ADDR="192.0.2.2").status_code == 200


@pytest.mark.django_db
def test_a_customer_has_his_own_count_wherever_he_sits(settings: Any, client: Client) -> None:
    settings.RATE_LIMITS = {"catalog:advice": "1/m/user"}
    client.force_login(build.user())
    other = Client()
    other.force_login(build.user(build.OTHER_PHONE))
    with clock.stopped(NOON):
        statuses = [
            (who.get("/services/advice/", REMOTE_ADDR=address).status_code)
            for who, address in ((client, "192.0.2.1"), (client, "192.0.2.9"), (other, "192.0.2.1"))
        ]
    assert statuses == [200, 429, 200]


@pytest.mark.django_db
def test_a_number_is_held_so_often_by_any_way(settings: Any, client: Client) -> None:
    """The page's button and the operation's form stand in the table each; what is over is not done."""
    settings.RATE_LIMITS = {"POST resources:hold": "1/h/user"}
    client.force_login(build.user())
    for digits in ("17012345678", "17012345679"):
        numbers_build.number(digits)
    with clock.stopped(NOON):
        answers = [
            client.post(f"/numbers/{digits}/hold/").status_code for digits in ("17012345678", "17012345679")
        ]
    assert answers == [302, 429]
    assert NumberPeriod.objects.get().number.digits == "17012345678"
