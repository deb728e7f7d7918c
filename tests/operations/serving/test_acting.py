"""Acting for a customer: no code, no act; both names on the slip; he is told; the same quote, price and refusals."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount, Contact, Membership, Region, User, VerificationCode
from accounts.services.codes import CodeExpired, WrongCode
from billing.models import Bill, Dispute, DisputeState, Payment, PaymentState, RefundRequest
from core.errors import Forbidden, HallError
from notices.models import Delivery
from operations import registry
from operations.context import ByClerk, Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from operations.services.evidence import CodeMissing
from operations.serving import acting, sessions
from operations.serving.models import ServingSession, ServingState
from tests.accounts.sms import code_to, text_to
from tests.billing import build
from tests.conftest import NOON
from tests.operations.codes import another
from tests.operations.serving import clerks
from tests.operations.serving.acts import ask, context, raw_of, submit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon", "empty_vault")]
DISPUTE = "/operations/bill.dispute/"


def test_no_code_no_act(ctx: Context, bill: Bill) -> None:
    """Also where the customer himself would only click."""
    with pytest.raises(CodeMissing):
        submit(ctx, "bill.dispute", raw_of(bill))
    code = ask(ctx, "bill.dispute", raw_of(bill))
    with pytest.raises(WrongCode):
        submit(ctx, "bill.dispute", raw_of(bill), key="key-0002", code=another(code))
    assert not Dispute.objects.exists()
    assert set(Slip.objects.values_list("state", flat=True)) == {SlipState.REFUSED}
    assert not Delivery.objects.filter(message__code="served").exists()


def test_the_code_says_who_asks_for_what(ctx: Context, bill: Bill) -> None:
    ask(ctx, "bill.dispute", raw_of(bill))
    text = text_to(clerks.PHONE)
    assert "工号 1024 的工作人员正在为您办理“账单异议”" in text
    assert "如非您要求，请勿告知" in text


def test_both_names_are_on_the_slip_and_the_customer_is_told(
    ctx: Context, bill: Bill, clerk: User, alice: User, session: ServingSession
) -> None:
    code = ask(ctx, "bill.dispute", raw_of(bill))
    slip = submit(ctx, "bill.dispute", raw_of(bill), code=code)
    assert (slip.actor, slip.on_behalf_of, slip.channel) == (clerk, alice, Channel.COUNTER)
    assert slip.customer == bill.account.customer
    row = VerificationCode.objects.get()
    assert slip.confirmation == {
        "kind": "SMS_CODE",
        "at": NOON.isoformat(),
        "ip": "192.0.2.7",
        "address": "138****0001",
        "code_id": row.pk,
        "sent_at": NOON.isoformat(),
        "clerk": {"user": clerk.pk, "username": "1024"},
        "served": {"user": alice.pk, "stand_in": False},
        "serving": session.pk,
    }
    dispute = Dispute.objects.get()
    assert dispute.raised_by == alice
    assert dispute.history.get().actor == f"user:{clerk.pk}"
    assert text_to(clerks.PHONE) == (
        f"【网上营业厅】工号 1024 的工作人员已为您办理“账单异议”，受理单号 {slip.number}。"
        "如非您同意，请立即致电 96123。"
    )


def test_told_by_mail_too_where_there_is_one(ctx: Context, bill: Bill) -> None:
    Contact.objects.create(
        account=bill.account, kind=Contact.Kind.EMAIL, value="w@example.com", is_primary=True, created_at=NOON
    )
    submit(ctx, "bill.dispute", raw_of(bill), code=ask(ctx, "bill.dispute", raw_of(bill)))
    addresses = Delivery.objects.filter(message__code="served").values_list("address", flat=True)
    assert set(addresses) == {clerks.PHONE, "w@example.com"}


def test_a_code_is_good_for_its_data_its_session_and_once(
    ctx: Context, bill: Bill, account: BillingAccount, alice: User
) -> None:
    code = ask(ctx, "bill.dispute", raw_of(bill))
    with pytest.raises(CodeExpired):
        submit(ctx, "bill.dispute", raw_of(bill, "另一段说明"), key="key-0001", code=code)
    again = context(clerks.serve(ctx.user, account, alice))  # type: ignore[arg-type]  # a user
    with pytest.raises(CodeExpired):
        submit(again, "bill.dispute", raw_of(bill), key="key-0002", code=code)
    with pytest.raises(Forbidden):  # the first session is over
        submit(ctx, "bill.dispute", raw_of(bill), key="key-0003", code=code)
    assert not Dispute.objects.exists()


def test_a_customers_own_code_is_not_the_clerks(ctx: Context, account: BillingAccount, alice: User) -> None:
    """What he asked for himself cannot be used by somebody who overheard it."""
    own = Context(user=alice, channel=Channel.WEB, as_of=NOON)
    raw = {"account": account.number, "amount": "1.00"}
    slips.send_code(operation="balance.refund", ctx=own, raw=raw)
    row = VerificationCode.objects.get()
    assert (row.purpose, row.subject.split("|")[0]) == ("operation:balance.refund", f"user:{alice.pk}")
    slips.send_code(
        operation="balance.refund", ctx=context(ServingSession.objects.get(), as_of=NOON), raw=raw
    )
    assert VerificationCode.objects.latest("pk").purpose == "serving:balance.refund"


def test_without_a_session_nobody_acts_for_anybody(clerk: User, alice: User, bill: Bill) -> None:
    ctx = Context(user=clerk, channel=Channel.COUNTER, as_of=NOON, on_behalf_of=alice)
    for act in (
        lambda: slips.quote(operation="bill.dispute", ctx=ctx, raw=raw_of(bill)),
        lambda: slips.send_code(operation="bill.dispute", ctx=ctx, raw=raw_of(bill)),
    ):
        with pytest.raises(sessions.NotServing):
            act()
    with pytest.raises(sessions.NotServing) as caught:
        slips.submit(
            operation="bill.dispute",
            ctx=ctx,
            raw=raw_of(bill),
            quote_digest="x",
            confirmation={"agreed": "yes", "code": "123456"},
            idempotency_key="a-key-0001",
        )
    assert Slip.objects.get(number=caught.value.slip_number).refusal_code == "NOT_SERVING"
    assert not VerificationCode.objects.exists()


def test_a_session_is_for_its_customer_alone(ctx: Context, bill: Bill, here: Region) -> None:
    bob, account = clerks.customer(here, phone="+8613800000009")
    swapped = Context(
        user=ctx.user, channel=Channel.COUNTER, as_of=NOON, on_behalf_of=bob, serving=ctx.serving
    )
    with pytest.raises(sessions.NotServing):
        slips.quote(operation="bill.dispute", ctx=swapped, raw=raw_of(build.bill(account)))


def test_an_idle_session_does_nothing(session: ServingSession, bill: Bill) -> None:
    late = context(session, as_of=NOON + timedelta(minutes=15))
    with pytest.raises(sessions.NotServing):
        slips.quote(operation="bill.dispute", ctx=late, raw=raw_of(bill))
    session.refresh_from_db()
    assert session.state == ServingState.IDLE


def test_what_only_the_customer_may_do_is_refused(ctx: Context, account: BillingAccount) -> None:
    never = [each for each in registry.everything() if each.by_clerk is ByClerk.NEVER]
    assert "balance.auto_debit" in {each.code for each in never}
    for operation in never:
        with pytest.raises(acting.NotByClerk):
            slips.quote(operation=operation.code, ctx=ctx, raw={})


def test_the_counters_own_work_is_not_done_from_the_customers_pages(
    ctx: Context, account: BillingAccount
) -> None:
    with pytest.raises(Forbidden):
        slips.quote(operation="counter.receive", ctx=ctx, raw={"account": account.number})
    assert "counter.receive" not in {each.code for each in registry.available(ctx)}


def test_the_customer_pays_what_the_clerk_begins_for_him(ctx: Context, bill: Bill, alice: User) -> None:
    raw = {"account": bill.account.number, "amount": "26.00", "gateway": "alipay"}
    slip = submit(ctx, "bill.pay", raw, code=ask(ctx, "bill.pay", raw))
    payment = Payment.objects.get(reference=slip.subject_id)
    assert (payment.payer, payment.state, slip.state) == (alice, PaymentState.CREATED, SlipState.IN_PROGRESS)
    assert "缴费 ¥26.00" in text_to(clerks.PHONE)


def test_binding_asks_both_phones(ctx: Context, alice: User, here: Region) -> None:
    """The account's phone proves the right to it, the customer's that he wants it."""
    _nobody, other = clerks.customer(here, login=False, phone="+8613800000009")
    raw = {"account_number": other.number}
    assert slips.quote(operation="account.bind", ctx=ctx, raw=raw).other_code_needed
    code = ask(ctx, "account.bind", raw)
    others = code_to("+8613800000009")
    for n, given in enumerate(({"code": code}, {"other_code": others}, {"code": others, "other_code": code})):
        with pytest.raises(HallError):
            submit(ctx, "account.bind", raw, key=f"key-{n:05d}", **given)
    assert not Membership.objects.filter(user=alice, account=other).exists()
    later = context(ServingSession.objects.get(), as_of=NOON + timedelta(minutes=2))
    code, others = ask(later, "account.bind", raw), code_to("+8613800000009")
    submit(later, "account.bind", raw, key="key-right", code=code, other_code=others)
    assert Membership.objects.get(user=alice, account=other).role == Membership.Role.PAYER


def test_who_never_logged_in_confirms_by_his_accounts_phone(clerk: User, here: Region) -> None:
    _nobody, account = clerks.customer(here, login=False, phone="+8613800000007")
    bill = build.bill(account)
    ctx = context(clerks.serve(clerk, account, None))
    slip = submit(
        ctx, "bill.dispute", raw_of(bill), code=ask(ctx, "bill.dispute", raw_of(bill), phone="+8613800000007")
    )
    assert slip.confirmation["served"]["stand_in"] is True
    assert Dispute.objects.get().state == DisputeState.OPEN
    assert slip.number in text_to("+8613800000007")
    raw = {"account_number": "8100009999"}
    with pytest.raises(acting.LoginNeeded):
        slips.quote(operation="account.bind", ctx=ctx, raw=raw)


def test_without_any_phone_nothing_can_be_done(clerk: User, here: Region) -> None:
    _nobody, account = clerks.customer(here, login=False, phone="")
    bill = build.bill(account)
    ctx = context(clerks.serve(clerk, account, None))
    with pytest.raises(acting.NoPhone):
        slips.send_code(operation="bill.dispute", ctx=ctx, raw=raw_of(bill))


def test_asking_for_codes_is_limited_for_the_customer_not_for_the_hall(ctx: Context, bill: Bill) -> None:
    ask(ctx, "bill.dispute", raw_of(bill))
    with pytest.raises(HallError, match="TOO_MANY_CODES"):
        ask(ctx, "bill.dispute", raw_of(bill))


@pytest.mark.parametrize(
    ("operation", "raw"),
    [
        ("bill.dispute", {"cause": "AMOUNT", "text": "多收了"}),
        ("bill.dispute", {"cause": "NONSENSE", "text": ""}),
        ("bill.dispute", {"bill": "B-OF-NOBODY", "cause": "AMOUNT", "text": "多收了"}),
        ("bill.pay", {"amount": "26.00", "gateway": "alipay"}),
        ("bill.pay", {"amount": "0", "gateway": "alipay"}),
        ("balance.topup", {"amount": "50", "gateway": "alipay"}),
        ("balance.refund", {"amount": "5"}),
        ("balance.auto_use", {"automatic": "on"}),
        ("balance.auto_use", {"automatic": "off"}),
        ("bill.email_subscribe", {"address": "w@example.com", "consent": "on"}),
    ],
)
def test_the_same_for_both(
    ctx: Context, alice: User, bill: Bill, operation: str, raw: dict[str, str]
) -> None:
    """Quote, price, refusal and its words, whoever asks."""
    raw = {"bill": bill.number, "account": bill.account.number} | raw
    own = Context(user=alice, channel=Channel.WEB, as_of=NOON)

    def outcome(who: Context) -> Any:
        try:
            quoted = slips.quote(operation=operation, ctx=who, raw=raw)
        except HallError as error:
            return error.code, error.text, getattr(error, "fields", None)
        return quoted.digest, quoted.quote, quoted.canonical

    assert outcome(ctx) == outcome(own)


def test_a_refund_for_him_goes_his_way(
    clerk: User, here: Region, alice: User, account: BillingAccount
) -> None:
    paid = build.payment(account, 3000)
    build.apply(paid, build.report(paid))
    ctx = context(clerks.serve(clerk, account, alice))
    raw = {"account": account.number, "amount": "12.00"}
    slip = submit(ctx, "balance.refund", raw, code=ask(ctx, "balance.refund", raw))
    assert slip.state == SlipState.DONE
    asked = RefundRequest.objects.get()
    assert (asked.user, asked.amount_cents) == (alice, 1200)
    assert "退还余额 ¥12.00" in text_to(clerks.PHONE)
