"""One customer in arrears, his phones and how they answer, and what the story knows of it all beside the hall."""

import itertools
import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from django.conf import settings

from accounts.models import BillingAccount, Contact
from billing.models import Bill, Payment
from billing.services.bills import bills
from catalog.models import Subscription
from core.models import OutboxRow
from core.scopes import everything
from notices.models import Delivery, DeliveryState
from notices.providers import signature
from notices.services import letters, receipts
from tests.arrears import build
from tests.arrears.build import ACTOR, noon
from tests.billing import build as money
from tests.catalog.holdings import build as holdings
from tests.core.test_uploads import picture

BEGIN = date(2024, 3, 1)
DAY = timedelta(days=1)
LINE = "13912345678"
NEEDED = ("suspension_ahead", "disconnection_ahead")  # whose receipts decide
Fate = Literal["good", "lost", "soft", "dead"]
CODES = {"soft": "SWITCHED_OFF", "dead": "NO_SUCH_NUMBER"}
_count = itertools.count(1)


@dataclass
class World:
    """`billed`, `paid`, `lowered` in fen; `heard`: the days on which a needed text arrived, by text and address."""

    account: BillingAccount
    line: Subscription
    today: date = BEGIN
    fates: dict[str, Fate] = field(default_factory=dict)  # by address; "good" where nothing is said
    heard: dict[tuple[str, str], list[date]] = field(default_factory=dict)
    billed: int = 0
    paid: int = 0
    lowered: int = 0
    in_flight: list[Payment] = field(default_factory=list)
    is_deaf: bool = False  # no worker brings the news; the daily pass goes on

    @property
    def at(self) -> datetime:
        return noon(self.today)

    @property
    def own_number(self) -> str:
        return f"+86{LINE}"

    def left(self) -> set[str]:
        """The phones that he has left."""
        return set(Contact.objects.filter(account=self.account).values_list("value", flat=True))

    def live_addresses(self) -> set[str]:
        """All that he left, and the line as long as it is his."""
        return self.left() | ({self.own_number} if self.is_on() else set())

    def is_on(self) -> bool:
        """Whether the line is still his, suspended or not."""
        self.line.refresh_from_db(fields=["state"])
        return self.line.state == "ACTIVE"

    def owes(self) -> int:
        """What counts: without what is disputed; nothing here is an order's."""
        rows = Bill.objects.filter(account=self.account)
        counting = sum(rows.exclude(disputes__state="OPEN").values_list("open_cents", flat=True))
        settled = sum(row.total_cents - row.adjusted_cents - row.open_cents for row in rows)
        return int(counting - (self.paid - settled))

    def owes_late(self) -> int:
        """Of that, what came due more than thirty days ago. What he paid too much covers the oldest first."""
        rows = Bill.objects.filter(account=self.account)
        settled = sum(row.total_cents - row.adjusted_cents - row.open_cents for row in rows)
        late = rows.exclude(disputes__state="OPEN").filter(due_on__lt=self.today - 30 * DAY)
        return int(sum(late.values_list("open_cents", flat=True)) - max(0, self.paid - settled))

    # What happens

    def bill(self, cents: int, due_in: int) -> None:
        bills.issue(
            account_id=self.account.pk,
            lines=[bills.Line("BASIC", "基本收视维护费", cents)],
            issued_on=min(self.today, self.today + (due_in - 20) * DAY),
            due_on=self.today + due_in * DAY,
            source="unheard",
            source_number=str(next(_count)),
            as_of=self.at,
        )
        self.billed += cents

    def pay(self, cents: int) -> None:
        payment = money.payment(self.account, cents, as_of=self.at)
        self.arrives(payment)

    def arrives(self, payment: Payment) -> None:
        report = money.report(payment, paid_at=self.at, occurred_at=self.at)
        money.apply(payment, report, as_of=self.at)
        self.paid += payment.amount_cents
        self.news()

    def news(self) -> None:
        """What the workers do, where there are any."""
        if not self.is_deaf:
            holdings.switch(self.at)

    def call(self) -> None:
        """The carrier takes what waits; each phone answers as it does, and the post goes."""
        waiting = Delivery.objects.filter(
            state=DeliveryState.QUEUED, channel="SMS", next_attempt_at__lte=self.at
        )
        asked = list(waiting.filter(message__code__in=NEEDED).select_related("message"))
        waiting.update(state=DeliveryState.SENT, sent_at=self.at, provider="sms")
        for row in asked:
            fate = self.fates.get(row.address, "good")
            if fate != "lost":
                self.receipt(row, "DELIVERED" if fate == "good" else "FAILED", CODES.get(fate, ""))
        self.news()
        self.post()

    def receipt(
        self, row: Delivery, status: str, code: str = "", *, is_forged: bool = False
    ) -> receipts.Verdict:
        values = {
            "provider_message_id": f"SMS{row.pk}",
            "message_id": row.reference,
            "status": status,
            "code": code,
        }
        raw = json.dumps(values | {"at": self.at.isoformat(), "error": ""}).encode()
        secret = "somebody else's" if is_forged else settings.SMS_GATEWAY_SECRET
        verdict = receipts.take(raw=raw, given_signature=signature.of(raw, secret), as_of=self.at)
        if verdict == receipts.Verdict.TAKEN and status == "DELIVERED":
            self.heard.setdefault((row.message.code, row.address), []).append(self.today)
        return verdict

    def post(self) -> None:
        """A moment later: what the news brought goes the same day."""
        at = self.at + timedelta(minutes=1)
        letters.deliver(as_of=at)
        try:
            listed = letters.print_list(sight=everything, region_ref="", actor=ACTOR, as_of=at)
        except letters.NothingToPrint:
            return
        stamp = letters.Proof("stamp.jpg", [picture()])
        letters.register_posting(list_id=listed.pk, posted_on=self.today, proof=stamp, actor=ACTOR, as_of=at)

    def pass_(self) -> None:
        assert build.run(self.today).failed == 0
        self.news()

    def days(self, count: int) -> None:
        """So many days with the pass each day, as in life."""
        for _day in range(count):
            self.today += DAY
            self.pass_()
            self.call()


def begin() -> World:
    account = money.account()
    BillingAccount.objects.filter(pk=account.pk).update(address="滨江路 1 号")
    account.refresh_from_db()
    line = holdings.held(account, begins_on=BEGIN, service_number=LINE)
    found = World(account, line)
    contact(found)
    return found


def contact(of: World) -> Contact:
    return Contact.objects.create(
        account=of.account, kind=Contact.Kind.PHONE, value=f"+86137{next(_count):08d}", created_at=of.at
    )


def pick(rows: Any, which: int) -> Any:
    """One of them; None where there is none."""
    found = list(rows)
    return found[which % len(found)] if found else None


def unhandled() -> list[tuple[str, str]]:
    """The news that still waits for its consumer, with what went wrong."""
    return list(OutboxRow.objects.exclude(state="DONE").values_list("consumer", "error"))
