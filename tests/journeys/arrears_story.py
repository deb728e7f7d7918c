"""A customer with a number of his own, and the days that go by for him: the daily pass, the carrier, the post.

The clock is passed in. The carrier is the real stand-in process; its receipts are asked for and carry its signature.
"""

import csv
import itertools
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Contact, User
from accounts.services import contacts
from arrears.models import ArrearsCase, CaseNotice, DisconnectPlan
from billing.models import Bill
from catalog.models import Offer, Subscription, Suspension
from catalog.offers.services import publishing
from core import clock
from core.actor import Actor
from core.scopes import everything
from notices.models import Delivery, LetterList
from notices.services import letters, receipt_polls, sending
from operations.models import Slip
from operations.services import slips
from tests.accounts.sms import code_to
from tests.admin.build import staff_with
from tests.arrears import build as arrears
from tests.arrears.build import noon
from tests.billing import build as money
from tests.catalog.charging import build as charging
from tests.catalog.offers import build as shop
from tests.catalog.orders import build as orders
from tests.core.test_uploads import picture
from tests.resources import build as store

CLERK = Actor("user:7")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
BEGIN = date(2026, 1, 4)
DIGITS = (
    "13912340000"  # while it is off nobody hears it: the carrier of the tests knows no number that ends so
)
POST_ADDRESS = "杭州市滨江路 1 号 2 单元 301 室"
_count = itertools.count(1)


@dataclass
class Story:
    """What the customer has, and the stages on the days on which they came."""

    user: User
    account: BillingAccount
    line: Subscription
    stages: dict[str, date] = field(default_factory=dict)

    @property
    def case(self) -> ArrearsCase:
        return ArrearsCase.objects.filter(account=self.account).latest("pk")

    def is_off(self, reason: str) -> bool:
        return Suspension.objects.filter(subscription=self.line, reason=reason, ends_on=None).exists()

    def live(self, first: date, last: date) -> None:
        """Day after day until the last: judged in the morning, told at noon, posted in the afternoon."""
        for n in range((last - first).days + 1):
            self.day(first + n * DAY)

    def day(self, on: date) -> None:
        before = arrears.stage(self.account)
        arrears.run(on)
        if (now := arrears.stage(self.account)) != before:
            self.stages[now] = on
        carry(noon(on) + MINUTE)
        post(on)

    def refs(self) -> set[str]:
        """Everybody who must hear: all contacts, and the line's own number."""
        left = Contact.objects.filter(account=self.account).values_list("pk", flat=True)
        return {f"contact:{pk}" for pk in left} | {f"service:{DIGITS}"}

    def told(self, code: str) -> dict[str, Delivery]:
        """By who was told, what became of it; the inbox aside."""
        rows = CaseNotice.objects.filter(case__account=self.account, rule__template_code=code)
        found = {row.contact_ref: row.message.deliveries.get() for row in rows.exclude(contact_ref="inbox")}
        assert rows.filter(contact_ref="inbox").exists(), code
        return found

    def bill(self, month: str, on: date) -> Bill:
        """The bill of that month by the real run."""
        charging.run(month, of=self.account, on=on)
        made = charging.bill(self.account, month)
        assert made is not None
        return made


def sim() -> Offer:
    """A number card that may be paused at a fee."""
    made = shop.draft("sim", type=shop.product_type("number"), while_paused="FEE")
    shop.price(made, 3000)
    shop.price(made, 500, charge="PAUSE")
    return publishing.publish_offer(offer_id=made.pk, as_of=shop.LONG_AGO)


def begin() -> Story:
    """He takes the number of his choice in January; the hall knows his phone and where he lives."""
    at = noon(BEGIN)
    user = money.user("+8613811112222")
    User.objects.filter(pk=user.pk).update(phone_verified_at=at)
    user.refresh_from_db()
    _same, account = orders.home(user)
    Contact.objects.filter(account=account).update(verified_at=at)
    contacts.change_post_address(account_id=account.pk, address=POST_ADDRESS, as_of=at)
    store.number(DIGITS)
    store.hold(DIGITS, holder=f"user:{user.pk}", as_of=at)
    order = orders.ordered(user, account, sim(), as_of=at, number=DIGITS)
    orders.switch(at)
    line = Subscription.objects.get(account=account)
    assert (order.state, line.service_number) == ("COMPLETED", DIGITS)
    return Story(user, account, line)


def submit(user: User, operation: str, raw: dict[str, Any], *, at: datetime, code_at: str = "") -> Slip:
    """As on the page: the quote, the code that goes to that phone, the confirmation."""
    ctx = orders.ctx(user, at)
    digest = slips.quote(operation=operation, ctx=ctx, raw=raw).digest
    given = {"agreed": "yes"}
    if code_at:
        slips.send_code(operation=operation, ctx=ctx, raw=raw)
        given["code"] = code_to(code_at)  # what is on its way; once it has gone nobody reads it any more
        carry(at)
    return slips.submit(
        operation=operation,
        ctx=ctx,
        raw=raw,
        quote_digest=digest,
        confirmation=given,
        idempotency_key=f"kept-number-{next(_count)}",
    )


def carry(at: datetime) -> None:
    """The carrier takes what waits; a quarter of an hour later it is asked what became of it, and that is news."""
    while sending.work(clock=lambda: at):
        pass
    receipt_polls.run(clock=lambda: at + 15 * MINUTE)
    orders.news(at + 15 * MINUTE)


def post(on: date) -> None:
    """Letters that wait are printed and posted, with the scan of the post office's stamp; a week later they count."""
    at = noon(on) + 60 * MINUTE
    try:
        listed = letters.print_list(sight=everything, region_ref="", actor=CLERK, as_of=at)
    except letters.NothingToPrint:
        pass
    else:
        stamp = letters.Proof("stamp.jpg", [picture()])
        letters.register_posting(list_id=listed.pk, posted_on=on, proof=stamp, actor=CLERK, as_of=at)
    letters.deliver(as_of=at)


def letter_lists() -> int:
    return LetterList.objects.exclude(posted_on=None).count()


def dry_run(on: date, file: Path) -> list[dict[str, str]]:
    """The operator asks what could be cut; what stands in the file."""
    maker = (
        User.objects.filter(username="maker").first()
        or staff_with("arrears.add_disconnectplan", username="maker").username
    )
    when = ("--as-of", noon(on).isoformat(), "--by", str(maker))
    call_command("disconnect", "--dry-run", "--out", str(file), *when)
    with file.open(encoding="utf-8", newline="") as lines:
        next(lines)  # the number of the plan
        return list(csv.DictReader(lines))


def approve(*names: str, on: date) -> DisconnectPlan:
    """These people say yes to the latest plan, each on the staff page."""
    plan = DisconnectPlan.objects.latest("pk")
    address = f"{reverse('admin:arrears_disconnectplan_act', args=['approve-plan'])}?ids={plan.pk}"
    with clock.stopped(noon(on)):
        for name in names:
            client = Client()
            rights = ("arrears.view_disconnectplan", "arrears.approve_disconnectplan")
            client.force_login(
                User.objects.filter(username=name).first() or staff_with(*rights, username=name)
            )
            client.post(address, {"reason": "已核对名单和送达证明"})
    plan.refresh_from_db()
    return plan


def carry_out(on: date, file: Path) -> None:
    call_command("disconnect", "--plan", str(file), "--as-of", noon(on).isoformat())
