"""contact.change and address.change: what is new proves itself, who was reached before is told, the last one stays."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from accounts import references
from accounts.models import BillingAccount, Contact, User, VerificationCode
from accounts.services import accounts as account_services
from accounts.services import contacts
from core.errors import NotFound
from operations.models import Slip, SlipState
from tests.accounts import build
from tests.accounts.desk import Committed, Desk
from tests.accounts.sms import code_to, text_to
from tests.conftest import NOON
from tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
OLD, NEW, MAIL = "+8613800000002", "+8613800000003", "wang@example.com"


@pytest.fixture
def account() -> BillingAccount:
    """Its contact came with an import: nobody has proven it."""
    return build.account("8100000001", contact=OLD)


@pytest.fixture
def desk(alice: User, django_capture_on_commit_callbacks: Committed) -> Desk:
    return Desk(alice, django_capture_on_commit_callbacks)


def add(desk: Desk, value: str, by: str, **more: str) -> Slip:
    return desk.confirmed("contact.change", by=by, change="add", account="8100000001", value=value, **more)


def ref(value: str) -> str:
    return references.of(Contact.objects.get(value=value))


def test_a_phone_is_added_by_a_code_to_itself_and_the_old_one_is_told(desk: Desk) -> None:
    slip = add(desk, "138 0000 0003", NEW, name="李四")
    assert slip.state == SlipState.DONE
    row = Contact.objects.get(value=NEW)
    assert (row.kind, row.verified_at, row.is_primary, row.name) == ("PHONE", NOON, False, "李四")
    assert text_to(OLD) == (
        "【网上营业厅】尾号 0001 的户号新增联系方式 138****0003。如非您或家人办理，请立即联系客服。"
    )
    assert VerificationCode.objects.get().address == NEW
    assert NEW not in str([slip.data, slip.quote, slip.confirmation])


def test_a_mailbox_is_added_by_a_mail(desk: Desk) -> None:
    assert desk.send_code(
        "contact.change", change="add", account="8100000001", value="Wang＠Example.com"
    ) == ("w***@example.com")
    desk.submit(
        "contact.change", code_to(MAIL), change="add", account="8100000001", value="Wang＠Example.com"
    )
    row = Contact.objects.get(value=MAIL)
    assert (row.kind, row.verified_at, row.is_primary) == ("EMAIL", NOON, True)
    assert "w***@example.com" in text_to(OLD)


def test_without_the_code_nothing_is_added(desk: Desk) -> None:
    raw = {"change": "add", "account": "8100000001", "value": NEW}
    desk.send_code("contact.change", **raw)
    code = code_to(NEW)
    with pytest.raises(Exception, match="WRONG_CODE"):
        desk.submit("contact.change", f"{(int(code) + 1) % 1_000_000:06d}", **raw)
    with pytest.raises(Exception, match="CODE_EXPIRED"):
        desk.submit("contact.change", code, **raw | {"value": "+8613800000004"})
    assert list(Contact.objects.values_list("value", flat=True)) == [OLD]
    assert text_to(OLD) == ""


def test_an_imported_one_is_verified(desk: Desk) -> None:
    desk.confirmed("contact.change", by=OLD, change="verify", contact=ref(OLD))
    assert Contact.objects.get(value=OLD).verified_at == NOON
    assert desk.refusal("contact.change", change="verify", contact=ref(OLD)) == "CONTACT_KNOWN"


def test_the_primary_changes_and_the_one_that_was_is_told(desk: Desk) -> None:
    add(desk, NEW, NEW)
    desk.confirmed("contact.change", by=build.PHONE, change="primary", contact=ref(NEW))
    assert Contact.objects.get(is_primary=True).value == NEW
    assert "主要联系方式改为 138****0003" in text_to(OLD)
    assert desk.refusal("contact.change", change="primary", contact=ref(NEW)) == "ALREADY_PRIMARY"
    assert desk.refusal("contact.change", change="primary", contact=ref(OLD)) == "CONTACT_NOT_VERIFIED"


def test_one_is_removed_and_told_so(desk: Desk) -> None:
    add(desk, NEW, NEW)
    desk.confirmed("contact.change", by=build.PHONE, change="remove", contact=ref(OLD))
    assert Contact.objects.get().value == NEW
    assert Contact.objects.get().is_primary
    assert "138****0002 已不再是" in text_to(OLD)


def test_the_last_verified_one_stays(desk: Desk, account: BillingAccount) -> None:
    """Also while there is one that nobody has proven."""
    add(desk, NEW, NEW)
    assert desk.refusal("contact.change", change="remove", contact=ref(NEW)) == "LAST_CONTACT"
    with pytest.raises(contacts.LastContact):
        contacts.remove(account_id=account.pk, contact_id=Contact.objects.get(value=NEW).pk, as_of=NOON)
    for change in ({"verified_at": None}, None):
        rows = Contact.objects.filter(value=NEW)
        with pytest.raises(IntegrityError, match="last verified contact"), transaction.atomic():
            rows.update(**change) if change else rows.delete()
    assert Contact.objects.count() == 2


def test_the_only_one_stays_even_unverified(desk: Desk) -> None:
    assert desk.refusal("contact.change", change="remove", contact=ref(OLD)) == "LAST_CONTACT"


def test_a_closed_account_may_lose_its_last_one(account: BillingAccount) -> None:
    row = contacts.prove(account_id=account.pk, kind="PHONE", value=NEW, as_of=NOON)
    account_services.close_account(account_id=account.pk, as_of=NOON)
    contacts.remove(account_id=account.pk, contact_id=row.pk, as_of=NOON)
    assert not Contact.objects.filter(value=NEW).exists()


def test_strangers_contacts_are_out_of_reach(
    account: BillingAccount, django_capture_on_commit_callbacks: Committed
) -> None:
    bob = build.user("+8613800000066")
    build.bind(bob, theirs := build.account("8100000009", contact="+8613800000066"))
    desk = Desk(bob, django_capture_on_commit_callbacks)
    for raw in (
        {"change": "remove", "contact": ref(OLD)},
        {"change": "verify", "contact": ref(OLD)},
        {"change": "add", "account": account.number, "value": NEW},
    ):
        assert desk.refusal("contact.change", **raw) == "INVALID_INPUT"
    with pytest.raises(NotFound):
        contacts.remove(account_id=theirs.pk, contact_id=Contact.objects.get(value=OLD).pk, as_of=NOON)
    assert list(account.contacts.values_list("value", flat=True)) == [OLD]
    assert text_to(OLD) == ""


@pytest.mark.parametrize("value", ["", "12345", "a@b", "wang@example.com\nBcc: x@y.cn", "<b>", "0"])
def test_what_is_no_address_is_said_beside_the_field(desk: Desk, value: str) -> None:
    raw = {"change": "add", "account": "8100000001", "value": value}
    assert desk.refusal("contact.change", **raw) == "INVALID_INPUT"


def test_so_many_and_no_more(account: BillingAccount) -> None:
    for n in range(9):
        contacts.prove(account_id=account.pk, kind="EMAIL", value=f"a{n}@example.com", as_of=NOON)
    with pytest.raises(contacts.TooManyContacts):
        contacts.prove(account_id=account.pk, kind="EMAIL", value=MAIL, as_of=NOON)
    assert account.contacts.count() == 10


def test_the_postal_address(desk: Desk, account: BillingAccount) -> None:
    desk.submit("address.change", account=account.number, post_address=" 幸福路  1 号 ")
    account.refresh_from_db()
    assert account.post_address == "幸福路 1 号"
    assert "通信地址已修改" in text_to(OLD)
    desk.later(minutes=1).submit("address.change", account=account.number, post_address="")
    account.refresh_from_db()
    assert account.post_address == ""
    assert desk.refusal("address.change", account=account.number, post_address="a\u202eb") == "INVALID_INPUT"


def by_service(row: Contact) -> str:
    try:
        contacts.remove(account_id=row.account_id, contact_id=row.pk, as_of=NOON)
    except contacts.LastContact as error:
        return error.code
    return "REMOVED"


def by_hand(row: Contact) -> str:
    """Past the service: the law alone stands in the way."""
    try:
        Contact.objects.filter(pk=row.pk).delete()
    except IntegrityError:
        return "LAST_CONTACT"
    return "REMOVED"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("remove", [by_service, by_hand])
def test_two_removals_at_the_same_moment_leave_one(remove: Callable[[Contact], str]) -> None:
    account = build.account(contact="")
    rows = [
        contacts.prove(account_id=account.pk, kind="EMAIL", value=f"a{n}@example.com", as_of=NOON)
        for n in range(2)
    ]
    done = together(lambda: remove(rows[0]), lambda: remove(rows[1]))
    assert sorted(done) == ["LAST_CONTACT", "REMOVED"]
    assert Contact.objects.count() == 1
