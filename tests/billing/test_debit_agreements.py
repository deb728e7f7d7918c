"""Debit agreements: asked for, signed at the bank, ended on either side as easily."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Contact, Membership, User
from billing import tasks
from billing.gateways.base import GatewayError
from billing.gateways.debit.base import AgreementStatus
from billing.models import DebitAgreement, DebitAgreementHistory, DebitAgreementState
from billing.services.debits import debit_agreements
from core import clock
from core.errors import Forbidden, HallError, NotFound
from notices.models import Delivery
from operations import registry
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from tests.billing import banks, build
from tests.billing.banks import Bank, asked, day, run, signed
from tests.billing.build import ACTOR
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=2)
STATE = DebitAgreementState


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Bank:
    return banks.open_bank(monkeypatch, settings)


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return build.account(alice)


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def ctx(user: User) -> Context:
    return Context(user=user, channel=Channel.WEB, as_of=NOON)


def do(user: User, operation: str, **raw: str) -> Slip:
    quoted = slips.quote(operation=operation, ctx=ctx(user), raw=raw)
    return slips.submit(
        operation=operation,
        ctx=ctx(user),
        raw=raw,
        quote_digest=quoted.quote.digest,
        confirmation={"agreed": "yes"},
        idempotency_key=f"debit-key-{Slip.objects.count():05d}",
    )


def now(row: DebitAgreement) -> DebitAgreement:
    return DebitAgreement.objects.get(pk=row.pk)


def history(row: DebitAgreement) -> list[tuple[str, str, str]]:
    rows = DebitAgreementHistory.objects.filter(agreement=row).order_by("id")
    return list(rows.values_list("from_state", "to_state", "reason"))


def texts(code: str) -> list[str]:
    return list(Delivery.objects.filter(message__code=code).values_list("body", flat=True))


def test_from_the_form_to_the_signature(
    bank: Bank, account: BillingAccount, alice: User, browser: Client
) -> None:
    with clock.stopped(NOON):
        slip = do(alice, "balance.auto_debit", account=account.number, maximum="300")
        row = DebitAgreement.objects.get()
        assert (slip.state, slip.subject_id) == (SlipState.IN_PROGRESS, row.reference)
        assert (row.state, row.max_cents, row.user_id) == (STATE.PENDING, 30_000, alice.pk)
        assert "随时终止" in row.consent
        away = browser.get(reverse("billing:debit_sign", args=[row.reference]))
        assert (away.status_code, away["Location"]) == (
            302,
            f"https://bank.example.com/sign/{row.reference}",
        )
        bank.agreements[row.reference] = AgreementStatus.ACTIVE
        back = browser.get(reverse("billing:debit_return", args=[row.reference]), follow=True)
    text = back.content.decode()
    assert "银行代扣已开通，每笔扣款前都会短信通知您。" in text
    assert "代扣中" in text
    row = now(row)
    assert (row.state, row.agreement_no, row.signed_at) == (STATE.ACTIVE, f"BA{row.reference}", NOON)
    assert Slip.objects.get(pk=slip.pk).state == SlipState.DONE
    assert len(texts("debit_signed")) == 1
    assert [step[:2] for step in history(row)] == [("", "PENDING"), ("PENDING", "ACTIVE")]


def test_signing_again_at_the_return_changes_nothing(
    bank: Bank, account: BillingAccount, alice: User
) -> None:
    row = signed(bank, account, alice)
    again = debit_agreements.refresh(row, actor=ACTOR, as_of=LATER)
    assert (again.signed_at, len(history(row)), len(texts("debit_signed"))) == (NOON, 2, 1)


def test_one_click_ends_it_and_the_bank_is_told(bank: Bank, account: BillingAccount, alice: User) -> None:
    row = signed(bank, account, alice)
    slip = do(alice, "balance.auto_debit_end", account=account.number)
    assert (slip.state, now(row).state, now(row).ended_there_at) == (SlipState.DONE, STATE.ENDED, None)
    assert len(texts("debit_ended")) == 1
    assert tasks.tell_debit_ends() == 1
    assert now(row).ended_there_at is not None
    assert bank.agreements[row.reference] == AgreementStatus.ENDED
    assert tasks.tell_debit_ends() == 0


def test_ending_needs_no_bank(bank: Bank, account: BillingAccount, alice: User) -> None:
    row = signed(bank, account, alice)
    bank.silent = True
    do(alice, "balance.auto_debit_end", account=account.number)
    assert debit_agreements.tell_ends(as_of=NOON) == 0
    assert (now(row).state, now(row).ended_there_at) == (STATE.ENDED, None)
    bank.silent = False
    run(LATER)
    assert now(row).ended_there_at == LATER


def test_what_one_bank_error_is_about_does_not_stop_the_others(
    bank: Bank, account: BillingAccount, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [signed(bank, of, alice) for of in (account, build.account(alice))]
    for row in rows:
        debit_agreements.end(account_id=row.account_id, actor=ACTOR, as_of=NOON)

    def stumble(reference: str) -> None:
        if reference == rows[0].reference:
            raise GatewayError("BAD_REQUEST", "", permanent=True)

    monkeypatch.setattr(bank, "end_agreement", stumble)
    assert debit_agreements.tell_ends(as_of=NOON) == 1
    assert [now(row).ended_there_at for row in rows] == [None, NOON]


def test_what_was_ended_here_stays_ended_whatever_the_bank_says(
    bank: Bank, account: BillingAccount, alice: User
) -> None:
    row = asked(account, alice)
    bank.agreements[row.reference] = AgreementStatus.ACTIVE
    report = bank.query_agreement(row.reference)
    debit_agreements.end(account_id=account.pk, actor=ACTOR, as_of=NOON)
    debit_agreements.apply(agreement_id=row.pk, report=report, actor=ACTOR, as_of=NOON)
    assert now(row).state == STATE.ENDED


def test_an_end_is_learnt_once(bank: Bank, account: BillingAccount, alice: User) -> None:
    row = signed(bank, account, alice)
    for as_of in (NOON, LATER):
        debit_agreements.ended_at_bank(agreement_id=row.pk, actor=ACTOR, as_of=as_of)
    assert (now(row).state, now(row).ended_there_at, len(texts("debit_ended"))) == (STATE.ENDED, NOON, 1)
    bank.silent = True
    assert debit_agreements.refresh(now(row), actor=ACTOR, as_of=LATER).state == STATE.ENDED


def test_an_account_without_a_phone_signs_and_ends(bank: Bank, account: BillingAccount, alice: User) -> None:
    Contact.objects.filter(account=account).delete()
    row = signed(bank, account, alice)
    assert row.state == STATE.ACTIVE
    debit_agreements.end(account_id=account.pk, actor=ACTOR, as_of=NOON)
    assert (now(row).state, texts("debit_signed"), texts("debit_ended")) == (STATE.ENDED, [], [])


def test_who_does_not_come_back_is_found_by_asking(bank: Bank, account: BillingAccount, alice: User) -> None:
    row = asked(account, alice)
    bank.agreements[row.reference] = AgreementStatus.ACTIVE
    run(NOON)
    assert now(row).state == STATE.ACTIVE


def test_what_is_not_signed_in_time_ends(bank: Bank, account: BillingAccount, alice: User) -> None:
    slip = do(alice, "balance.auto_debit", account=account.number, maximum="300")
    row = DebitAgreement.objects.get()
    run(NOON + timedelta(minutes=59))
    assert now(row).state == STATE.PENDING
    run(NOON + timedelta(minutes=60))
    assert history(row)[-1] == ("PENDING", "ENDED", "not signed in time")
    assert Slip.objects.get(pk=slip.pk).state == SlipState.CANCELLED
    assert texts("debit_ended") == []
    run(LATER)
    assert bank.agreements[row.reference] == AgreementStatus.ENDED  # it cannot be signed any more


def test_an_end_at_the_bank_before_the_signature(bank: Bank, account: BillingAccount, alice: User) -> None:
    row = asked(account, alice)
    bank.agreements[row.reference] = AgreementStatus.ENDED
    run(NOON)
    assert (now(row).state, now(row).ended_there_at) == (STATE.ENDED, NOON)


def test_asked_for_again_replaces_what_was_not_signed(
    bank: Bank, account: BillingAccount, alice: User
) -> None:
    first, second = asked(account, alice), asked(account, alice, cents=100)
    assert (now(first).state, now(second).state) == (STATE.ENDED, STATE.PENDING)
    assert history(first)[-1][2] == "replaced"
    with pytest.raises(debit_agreements.SigningOver):
        debit_agreements.sign_url(now(first), as_of=NOON)


def test_a_signed_one_is_not_signed_again(bank: Bank, account: BillingAccount, alice: User) -> None:
    row = signed(bank, account, alice)
    with pytest.raises(debit_agreements.AlreadySigned):
        asked(account, alice)
    with pytest.raises(debit_agreements.AlreadySigned):
        do(alice, "balance.auto_debit", account=account.number, maximum="300")
    assert now(row).state == STATE.ACTIVE


def test_nothing_to_end(bank: Bank, account: BillingAccount, alice: User) -> None:
    with pytest.raises(debit_agreements.NotSigned):
        debit_agreements.end(account_id=account.pk, actor=ACTOR, as_of=NOON)
    with pytest.raises(HallError):
        do(alice, "balance.auto_debit_end", account=account.number)


@pytest.mark.parametrize("maximum", ["0", "-1", "50000.01", "1.234", "许多"])
def test_limits_that_are_none(bank: Bank, account: BillingAccount, alice: User, maximum: str) -> None:
    with pytest.raises(HallError):
        do(alice, "balance.auto_debit", account=account.number, maximum=maximum)
    assert not DebitAgreement.objects.exists()


def test_only_who_owns_the_account(bank: Bank, account: BillingAccount, alice: User) -> None:
    payer, stranger = build.user(), build.user()
    Membership.objects.create(user=payer, account=account, role=Membership.Role.PAYER, created_at=NOON)
    for user in (payer, stranger):
        with pytest.raises(Forbidden):
            asked(account, user)
        with pytest.raises(HallError):
            do(user, "balance.auto_debit", account=account.number, maximum="300")
    row = signed(bank, account, alice)
    with pytest.raises(HallError):
        do(payer, "balance.auto_debit_end", account=account.number)
    assert now(row).state == STATE.ACTIVE


def test_who_no_longer_owns_the_account_is_not_debited(
    bank: Bank, account: BillingAccount, alice: User
) -> None:
    row = signed(bank, account, alice)
    kept = signed(bank, build.account(alice), alice)
    Membership.objects.filter(user=alice, account=account).delete()
    run(day(1))
    assert history(row)[-1][2] == "no longer the account's owner"
    assert now(kept).state == STATE.ACTIVE


def test_strangers_find_no_agreement(bank: Bank, account: BillingAccount, alice: User) -> None:
    row = asked(account, alice)
    client = Client()
    client.force_login(build.user())
    for name in ("billing:debit_sign", "billing:debit_return"):
        assert client.get(reverse(name, args=[row.reference])).status_code == 404
        assert client.post(reverse(name, args=[row.reference])).status_code == 405
    assert bank.agreements == {}


def test_a_silent_bank_is_said(bank: Bank, account: BillingAccount, alice: User, browser: Client) -> None:
    row = asked(account, alice)
    bank.silent = True
    with clock.stopped(NOON):
        away = browser.get(reverse("billing:debit_sign", args=[row.reference]), follow=True)
        back = browser.get(reverse("billing:debit_return", args=[row.reference]), follow=True)
    assert "银行暂时连不上，请稍后再试" in away.content.decode()
    assert "银行还没有确认签约，确认后短信通知您。" in back.content.decode()
    assert now(row).state == STATE.PENDING


def test_who_said_no_at_the_bank(bank: Bank, account: BillingAccount, alice: User, browser: Client) -> None:
    row = asked(account, alice)
    bank.agreements[row.reference] = AgreementStatus.ENDED
    with clock.stopped(NOON):
        back = browser.get(reverse("billing:debit_return", args=[row.reference]), follow=True)
    assert "没有签约，银行代扣没有开通。" in back.content.decode()
    assert "开通银行代扣" in back.content.decode()


def test_the_page_says_how_it_stands(
    bank: Bank, account: BillingAccount, alice: User, browser: Client, settings: Any
) -> None:
    page = reverse("billing:balance")
    assert "开通银行代扣" in browser.get(page).content.decode()
    row = asked(account, alice)
    assert "去银行签约" in browser.get(page).content.decode()
    bank.agreements[row.reference] = AgreementStatus.ACTIVE
    debit_agreements.refresh(row, actor=ACTOR, as_of=NOON)
    text = browser.get(page).content.decode()
    assert "¥500.00" in text
    assert "终止银行代扣" in text
    settings.DEBIT_MERCHANT_ID = ""
    assert "终止银行代扣" in browser.get(page).content.decode()  # it can be ended also without a bank
    debit_agreements.end(account_id=account.pk, actor=ACTOR, as_of=NOON)
    assert "银行代扣" not in browser.get(page).content.decode()


def test_it_is_offered_only_where_there_is_a_bank(alice: User, settings: Any) -> None:
    settings.DEBIT_MERCHANT_ID = ""
    assert not registry.get("balance.auto_debit").available(ctx(alice))
    with pytest.raises(NotFound):
        registry.get("balance.debit")


def test_the_quote_names_what_is_open_already(bank: Bank, account: BillingAccount, alice: User) -> None:
    raw = {"account": account.number, "maximum": "300"}
    before = slips.quote(operation="balance.auto_debit", ctx=ctx(alice), raw=raw).quote
    build.bill(account)
    after = slips.quote(operation="balance.auto_debit", ctx=ctx(alice), raw=raw).quote
    assert (len(before.warnings), len(after.warnings)) == (1, 2)
    assert "至少 3 天短信通知您" in str(after.outcome)


def test_the_database_knows_one_open_agreement_and_no_unsigned_active_one(
    bank: Bank, account: BillingAccount, alice: User
) -> None:
    row = signed(bank, account, alice)
    values = {"gateway": "bank_debit", "max_cents": 1, "created_at": NOON, "sign_by": LATER}
    with pytest.raises(IntegrityError, match="debit_agreement_one_open"), transaction.atomic():
        DebitAgreement.objects.create(reference="x", account=account, user=alice, **values)
    pending = asked(build.account(alice), alice)
    for change in ("state = 'ACTIVE'", "max_cents = 0"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE billing_debitagreement SET {change} WHERE id = %s", [pending.pk])
    assert now(row).state == STATE.ACTIVE
