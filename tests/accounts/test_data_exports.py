"""data.export: all that is held on a user, for him alone, for seven days."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts import personal_data, tasks
from accounts.models import Contact, DataExport, User
from accounts.services import code_requests, consents, contacts, data_exports, invitations
from core import clock, outbox
from core.actor import Actor
from core.errors import NotFound
from operations.models import Slip, SlipState
from tests.accounts import build
from tests.accounts.desk import Committed, Desk
from tests.accounts.sms import text_to
from tests.billing import build as money
from tests.billing import refunds_build
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
WEEK = timedelta(days=7)


@pytest.fixture
def wang() -> User:
    """With something in every section."""
    user = build.user()
    account = build.account("8100000001")
    build.bind(user, account)
    contacts.prove(account_id=account.pk, kind=Contact.Kind.EMAIL, value="wang@example.com", as_of=NOON)
    how = consents.How(actor=Actor("test"), channel="WEB")
    consents.change(user_id=user.pk, purpose="PROFILE", is_given=True, how=how, as_of=NOON)
    consents.set_details(user_id=user.pk, occupation="TEACHER", education="", interests=["NEWS"], as_of=NOON)
    invitations.invite(
        account_id=account.pk,
        phone="+8613800000007",
        role="VIEWER",
        invited_by=user,
        actor=build.ACTOR,
        as_of=NOON,
    )
    money.bill(account, 2600)
    refunds_build.asked(refunds_build.credit(30_000, of=account), 25_000, user=user)
    return user


@pytest.fixture
def desk(wang: User, django_capture_on_commit_callbacks: Committed) -> Desk:
    return Desk(wang, django_capture_on_commit_callbacks)


def made(user: User) -> DataExport:
    row = data_exports.request(user_id=user.pk, as_of=NOON)
    (claimed,) = data_exports.claim(as_of=NOON)
    assert data_exports.make(claimed, as_of=NOON)
    row.refresh_from_db()
    return row


def copy_of(user: User) -> dict[str, Any]:
    row = made(user)
    content = data_exports.read(user_id=user.pk, reference=row.reference, as_of=NOON)
    found: dict[str, Any] = json.loads(content)
    return found


def test_the_whole_way(desk: Desk, wang: User, client: Client) -> None:
    slip = desk.confirmed("data.export", by=build.PHONE)
    assert slip.state == SlipState.IN_PROGRESS
    assert tasks.make_data_exports() == 1
    assert "7 天内可登录" in text_to(build.PHONE)
    while outbox.dispatch(as_of=NOON):
        pass
    slip.refresh_from_db()
    assert slip.state == SlipState.DONE
    client.force_login(wang)
    row = DataExport.objects.get()
    page = client.get(reverse("accounts:data")).content.decode()
    assert row.reference in page
    answer = client.get(reverse("accounts:download", args=[row.reference]))
    assert answer["Content-Disposition"].startswith("attachment")
    assert "no-store" in answer["Cache-Control"]
    assert json.loads(answer.content)["data"]["user"][0]["phone"] == build.PHONE


def test_it_holds_everything(wang: User) -> None:
    data = copy_of(wang)["data"]
    assert set(data) == set(personal_data.section_names())
    expected = {"bills", "receipts", "refunds", "memberships", "contacts", "consents", "profile_details"}
    expected |= {"invitations", "customers", "membership_history", "data_requests", "requests", "messages"}
    assert expected | {"payments", "disputes", "sessions", "code_requests"} <= set(data)
    assert data["bills"][0]["lines"] == [{"code": "BASIC", "text": "基本收视维护费", "amount_cents": 2600}]
    assert data["memberships"][0]["role"] == "OWNER"
    assert {row["value"] for row in data["contacts"]} == {build.PHONE, "wang@example.com"}
    assert data["profile_details"][0]["occupation"] == "TEACHER"
    assert data["refunds"][0]["amount_cents"] == 25_000


def test_and_nothing_of_others(wang: User) -> None:
    li = build.user(build.OTHER_PHONE, name="李四")
    text = json.dumps(copy_of(li), ensure_ascii=False)
    for theirs in ("8100000001", build.PHONE, "wang@example.com", "王小明", "TEACHER"):
        assert theirs not in text


def test_a_payer_gets_no_contacts_of_the_account(wang: User) -> None:
    li = build.user(build.OTHER_PHONE, name="李四")
    build.bind(li, wang.memberships.get().account, "PAYER")
    data = copy_of(li)["data"]
    assert (data["contacts"], data["customers"]) == ([], [])
    assert len(data["bills"]) == 1


def test_bob_downloads_nothing_of_it(wang: User, client: Client) -> None:
    row = made(wang)
    client.force_login(build.user("+8613800000066"))
    address = reverse("accounts:download", args=[row.reference])
    assert client.get(address).status_code == 404
    assert row.reference not in client.get(reverse("accounts:data")).content.decode()
    with pytest.raises(NotFound):
        data_exports.read(user_id=wang.pk + 1, reference=row.reference, as_of=NOON)


def test_after_seven_days_it_is_gone(wang: User, client: Client) -> None:
    row, late = made(wang), NOON + WEEK
    client.force_login(wang)
    with clock.stopped(late):
        assert client.get(reverse("accounts:download", args=[row.reference])).status_code == 404
        assert row.reference not in client.get(reverse("accounts:data")).content.decode()
    assert data_exports.purge(as_of=late - timedelta(seconds=1)) == 0
    assert data_exports.purge(as_of=late) == 1
    row.refresh_from_db()
    assert (row.state, row.content) == ("PURGED", None)


def test_one_at_a_time_and_one_a_day(wang: User, desk: Desk) -> None:
    data_exports.request(user_id=wang.pk, as_of=NOON)
    assert desk.refusal("data.export") == "EXPORT_UNDER_WAY"
    (row,) = data_exports.claim(as_of=NOON)
    data_exports.make(row, as_of=NOON)
    assert desk.refusal("data.export") == "EXPORT_TOO_SOON"
    assert desk.later(days=1).quote("data.export")
    assert DataExport.objects.count() == 1


def test_a_fault_in_one_part_is_tried_again_and_then_told(
    wang: User, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slip = desk.confirmed("data.export", by=build.PHONE)

    def broken(user: User) -> Any:
        raise RuntimeError("no table")

    monkeypatch.setitem(personal_data._sections, "bills", broken)
    at = NOON
    for _try in range(5):
        (row,) = data_exports.claim(as_of=at)
        assert not data_exports.make(row, as_of=at)
        at += timedelta(hours=2)
    row = DataExport.objects.get()
    assert (row.state, row.error, row.content) == ("FAILED", "RuntimeError", None)
    while outbox.dispatch(as_of=at):
        pass
    assert Slip.objects.get(pk=slip.pk).state == SlipState.FAILED
    data_exports.try_again(export_id=row.pk, as_of=at)
    with pytest.raises(NotFound):
        data_exports.try_again(export_id=row.pk, as_of=at)


def test_the_law_keeps_no_content_of_what_is_purged(wang: User) -> None:
    made(wang)
    with pytest.raises(IntegrityError, match="data_export_content_while_ready"), transaction.atomic():
        DataExport.objects.update(state="PURGED")


def test_a_section_is_named_once() -> None:
    with pytest.raises(ValueError, match="two sections"):
        personal_data.section("bills")(lambda user: [])


def test_who_had_the_number_before_is_in_nobody_else_s_copy() -> None:
    """A number changes hands: what was sent to it, and asked for by it, before is the earlier holder's."""
    owner = build.user(build.OTHER_PHONE)
    account = build.account("8100000002", contact="")
    build.bind(owner, account)
    invitations.invite(
        account_id=account.pk,
        phone=build.PHONE,
        role="VIEWER",
        invited_by=owner,
        actor=build.ACTOR,
        as_of=NOON - timedelta(days=30),
    )
    code_requests.spend(
        code_requests.Request(purpose="login", target=build.PHONE, phone=build.PHONE),
        as_of=NOON - timedelta(days=30),
    )
    assert text_to(build.PHONE)
    data = copy_of(build.user())["data"]
    assert (data["messages"], data["invitations"], data["code_requests"]) == ([], [], [])
