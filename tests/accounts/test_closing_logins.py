"""account.close: seven days to think it over, then nothing of the user is left but what law and contract keep."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.db import IntegrityError, connection, transaction
from django.test import Client
from knox.models import AuthToken

from accounts import tasks
from accounts.models import (
    BillingAccount,
    CodeRequest,
    ConsentChange,
    Contact,
    Invitation,
    LoginClosing,
    Membership,
    MembershipHistory,
    ProfileDetails,
    User,
    VerificationCode,
)
from accounts.services import closings, consents, contacts, data_exports, invitations, members
from billing.models import Bill, DisputeCause, LedgerEntry
from billing.services.bills import disputes
from core import clock
from core.actor import Actor
from core.models import Heartbeat
from operations.models import Slip, SlipState
from tests.accounts import build
from tests.accounts.conftest import Browser
from tests.accounts.desk import Committed, Desk
from tests.accounts.sms import code_to, text_to
from tests.billing import build as money
from tests.billing import refunds_build
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
LATER = NOON + closings.COOLING_OFF
JOB = Actor.job("test")


@pytest.fixture
def account() -> BillingAccount:
    return build.account("8100000001", contact=build.PHONE)


@pytest.fixture
def wang(account: BillingAccount) -> User:
    user = build.user(password="correct horse 9")
    build.bind(user, account)
    return user


@pytest.fixture
def desk(wang: User, django_capture_on_commit_callbacks: Committed) -> Desk:
    return Desk(wang, django_capture_on_commit_callbacks)


def ask(desk: Desk) -> Slip:
    return desk.confirmed("account.close", by=build.PHONE, understood="on")


def carry_out(as_of: Any = LATER) -> list[str]:
    return [closings.carry_out(row, actor=JOB, as_of=as_of) for row in closings.due(as_of=as_of)]


def test_asking_logs_out_everywhere_at_once(desk: Desk, wang: User, client: Client) -> None:
    client.force_login(wang)
    UserSession.objects.create(
        user=wang, ip="192.0.2.7", session_key=client.session.session_key, user_agent="x"
    )
    AuthToken.objects.create(wang)
    slip = ask(desk)
    assert slip.state == SlipState.DONE
    assert "_auth_user_id" not in Client(headers={"cookie": client.cookies.output(header="")}).session
    assert client.get("/me/").status_code == 302
    assert not AuthToken.objects.exists()
    assert "7 天后生效" in text_to(build.PHONE)
    wang.refresh_from_db()
    assert (wang.phone, wang.is_active) == (build.PHONE, True)
    assert LoginClosing.objects.get().due_at == LATER


def test_logging_in_takes_it_back(desk: Desk, wang: User, browser: Browser) -> None:
    ask(desk)
    with clock.stopped(NOON + timedelta(days=6)):
        browser.post("/account/login/", login=build.PHONE, password="correct horse 9")
        assert browser.user_id == wang.pk
        assert "注销申请已自动撤回" in browser.get("/").content.decode()
    row = LoginClosing.objects.get()
    assert (row.state, row.ended_by) == ("WITHDRAWN", f"user:{wang.pk}")
    assert carry_out() == []
    wang.refresh_from_db()
    assert wang.is_active


def test_nothing_happens_before_its_day(desk: Desk, wang: User) -> None:
    ask(desk)
    assert carry_out(LATER - timedelta(seconds=1)) == []
    wang.refresh_from_db()
    assert wang.is_active


def test_everything_of_his_own_is_gone(desk: Desk, wang: User, account: BillingAccount) -> None:
    contacts.add(account_id=account.pk, kind="PHONE", value="+8613800000008", as_of=NOON)
    how = consents.How(actor=JOB, channel="WEB")
    consents.change(user_id=wang.pk, purpose="PROFILE", is_given=True, how=how, as_of=NOON)
    consents.set_details(user_id=wang.pk, occupation="TEACHER", education="", interests=[], as_of=NOON)
    other = build.account("8100000002", contact="+8613800000007")
    li = build.user("+8613800000007")
    build.bind(li, other)
    invitations.invite(
        account_id=other.pk, phone=build.PHONE, role="PAYER", invited_by=li, actor=JOB, as_of=NOON
    )
    export = data_exports.request(user_id=wang.pk, as_of=NOON)
    data_exports.make(data_exports.claim(as_of=NOON)[0], as_of=NOON)
    ask(desk)
    assert carry_out() == ["DONE"]
    wang.refresh_from_db()
    assert (wang.name, wang.phone, wang.email, wang.is_active) == ("", None, "", False)
    assert wang.username.startswith("closed-")
    assert not wang.has_usable_password()
    for rows in (
        Membership.objects.filter(user=wang),
        ProfileDetails.objects.filter(user=wang),
        Contact.objects.filter(value=build.PHONE),
        CodeRequest.objects.filter(phone=build.PHONE),
        VerificationCode.objects.filter(address=build.PHONE),
        UserSession.objects.filter(user=wang),
    ):
        assert not rows.exists(), rows.model
    assert not ConsentChange.objects.filter(user=wang).latest("pk").is_given
    export.refresh_from_db()
    assert (export.state, export.content) == ("PURGED", None)
    invitation = Invitation.objects.get()
    assert (invitation.phone, invitation.state) == ("", "DECLINED")
    assert MembershipHistory.objects.latest("pk").change == "REMOVED"
    assert Slip.objects.filter(actor=wang).exists()


def test_no_table_but_that_of_messages_knows_the_phone_any_more(desk: Desk, account: BillingAccount) -> None:
    """What was sent, and where to, is the proof that it was: it goes by its own age."""
    contacts.add(account_id=account.pk, kind="PHONE", value="+8613800000008", as_of=NOON)
    ask(desk)
    carry_out()
    with connection.cursor() as cursor:
        known = set()
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{build.PHONE}%"])
            if cursor.fetchone()[0]:
                known.add(table)
    assert known <= {"notices_delivery"}


def test_the_books_stay(desk: Desk, account: BillingAccount, wang: User) -> None:
    bill = money.bill(account, 2600)
    paid = money.payment(account, 2600, first=bill)
    money.apply(paid, money.report(paid))
    entries = LedgerEntry.objects.count()
    ask(desk)
    assert carry_out() == ["DONE"]
    assert Bill.objects.get() == bill
    assert LedgerEntry.objects.count() == entries
    assert account.customer.name
    assert money.books_are_right()


def test_the_only_contact_of_an_open_account_stays_and_that_is_said(
    desk: Desk, account: BillingAccount
) -> None:
    quoted = desk.quote("account.close", understood="on").quote
    assert "户号 8100000001 只登记了您的手机号" in str(quoted.rendered().warnings)
    ask(desk)
    carry_out()
    assert Contact.objects.get().value == build.PHONE
    assert account.contacts.get().is_primary


def test_each_thing_that_stands_in_the_way_is_named(desk: Desk, account: BillingAccount, wang: User) -> None:
    money.bill(account, 2600)
    second = build.account("8100000002")
    build.bind(wang, second)
    asked = refunds_build.asked(refunds_build.credit(30_000, of=second), 25_000, user=wang)
    with pytest.raises(closings.CannotClose) as caught:
        desk.quote("account.close", understood="on")
    assert caught.value.text == (
        f"现在不能注销：户号 8100000001 未缴 ¥26.00；户号 8100000002 有余额 ¥300.00，请先退还或用掉；"
        f"退款 {asked.number} 还没有办结"
    )
    assert not LoginClosing.objects.exists()


def test_who_shares_the_account_is_not_left_without_an_owner(
    desk: Desk, account: BillingAccount, wang: User
) -> None:
    li = build.user(build.OTHER_PHONE)
    build.bind(li, account, "PAYER")
    with pytest.raises(closings.CannotClose) as caught:
        desk.quote("account.close", understood="on")
    assert [each.code for each in caught.value.obstacles] == ["LAST_OWNER"]
    assert "户号 8100000001 还有其他成员" in caught.value.text
    assert not LoginClosing.objects.exists()
    members.bind(user_id=li.pk, account_id=account.pk, role="OWNER", actor=JOB, as_of=NOON)
    assert desk.quote("account.close", understood="on")


def test_an_open_question_about_money_is_answered_first(
    desk: Desk, account: BillingAccount, wang: User
) -> None:
    """What is found in his favour is his, and would find nobody."""
    bill = money.bill(account, 2600)
    dispute = disputes.begin(
        bill_id=bill.pk, raised_by_id=wang.pk, cause=DisputeCause.AMOUNT, text="多收了", actor=JOB, as_of=NOON
    )
    with pytest.raises(closings.CannotClose) as caught:
        desk.quote("account.close", understood="on")
    assert [each.code for each in caught.value.obstacles][-1] == "DISPUTE"
    assert dispute.number in caught.value.text


def test_money_on_its_way_from_anybody_is_waited_for(desk: Desk, account: BillingAccount) -> None:
    paid = money.payment(account, 1000)
    with pytest.raises(closings.CannotClose) as caught:
        desk.quote("account.close", understood="on")
    assert [each.code for each in caught.value.obstacles] == ["PAYMENT"]
    assert paid.reference in caught.value.text


def test_what_others_owe_is_not_his(desk: Desk, wang: User) -> None:
    theirs = build.account("8100000009", contact="")
    build.bind(wang, theirs, "PAYER")
    money.bill(theirs, 2600)
    assert desk.quote("account.close", understood="on")


def test_what_came_up_meanwhile_blocks_it_and_he_is_told(
    desk: Desk, account: BillingAccount, wang: User
) -> None:
    ask(desk)
    money.bill(account, 2600)
    assert carry_out() == ["BLOCKED"]
    row = LoginClosing.objects.get()
    assert (row.state, row.reason) == ("BLOCKED", "OWES")
    wang.refresh_from_db()
    assert (wang.phone, wang.is_active) == (build.PHONE, True)
    assert Membership.objects.filter(user=wang).exists()
    assert "没有注销" in text_to(build.PHONE)


def test_without_the_code_nothing_happens(desk: Desk, wang: User) -> None:
    desk.send_code("account.close", understood="on")
    code = code_to(build.PHONE)
    with pytest.raises(Exception, match="WRONG_CODE"):
        desk.submit("account.close", f"{(int(code) + 1) % 1_000_000:06d}", understood="on")
    assert not LoginClosing.objects.exists()


def test_twice_is_refused_and_staff_stay(desk: Desk, wang: User) -> None:
    ask(desk)
    assert desk.refusal("account.close", understood="on") == "CLOSING_UNDER_WAY"
    User.objects.filter(pk=wang.pk).update(is_staff=True)
    wang.refresh_from_db()
    with pytest.raises(closings.StaffStay):
        closings.check(wang, as_of=NOON)


def test_the_job_does_it_once(desk: Desk, wang: User) -> None:
    ask(desk)
    with clock.stopped(LATER):
        tasks.close_logins()
        tasks.close_logins()
    assert LoginClosing.objects.get().state == "DONE"
    assert carry_out() == []
    row = LoginClosing.objects.get()
    assert closings.carry_out(row, actor=JOB, as_of=LATER) == "DONE"


def test_one_that_fails_keeps_nobody_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(desk)
    other = build.user(build.OTHER_PHONE)
    first = LoginClosing.objects.get()
    values = {"reference": "C2", "user": other, "requested_at": NOON, "due_at": LATER + timedelta(seconds=1)}
    LoginClosing.objects.create(**values)
    carry = closings.carry_out

    def fails_once(row: LoginClosing, **how: Any) -> Any:
        if row.pk == first.pk:
            raise OSError
        return carry(row, **how)

    monkeypatch.setattr(closings, "carry_out", fails_once)
    with clock.stopped(LATER + timedelta(hours=1)):
        tasks.close_logins()
    assert list(LoginClosing.objects.order_by("due_at").values_list("state", flat=True)) == [
        "PENDING",
        "DONE",
    ]
    beat = Heartbeat.objects.get(job="accounts.close_logins")
    assert (beat.last_ok, beat.detail) == (False, {"failed": 1, "DONE": 1})


def test_the_phone_is_free_for_a_new_beginning(desk: Desk, wang: User) -> None:
    ask(desk)
    carry_out()
    assert build.user(build.PHONE).pk != wang.pk


def test_the_law_keeps_what_was_asked(desk: Desk) -> None:
    ask(desk)
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        LoginClosing.objects.update(due_at=NOON)
    with pytest.raises(IntegrityError, match="login_closing_ended_has_time"), transaction.atomic():
        LoginClosing.objects.update(state="DONE")


def test_members_end_all(wang: User, account: BillingAccount) -> None:
    assert members.end_all(user_id=wang.pk, actor=JOB, as_of=NOON) == 1
    assert not Membership.objects.exists()
