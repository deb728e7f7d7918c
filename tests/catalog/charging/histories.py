"""Random histories of what an account holds, lived through by the services, some of it entered too late."""

from dataclasses import dataclass
from datetime import date, timedelta

from hypothesis import strategies as st

from accounts.models import BillingAccount, Standing
from catalog.holdings.services import subscriptions
from catalog.holdings.services.subscriptions import DayTooEarly, Wanted
from catalog.models import Offer, Subscription
from catalog.offers.services import publishing
from core.errors import HallError
from tests.catalog.charging import build
from tests.catalog.holdings import build as holdings
from tests.catalog.offers import build as offers

FIRST, LAST = date(2026, 7, 1), date(2026, 11, 30)
MONTHS = ("2026-07", "2026-08", "2026-09", "2026-10", "2026-11")
DAYS = (LAST - FIRST).days + 1
KINDS = ("begin", "end", "pause", "resume", "turn", "tier")


@dataclass(frozen=True, slots=True)
class Step:
    """On the day `known`, something is entered that holds from `late` days earlier."""

    kind: str
    known: int
    late: int
    which: int  # of the offers, or of what is held

    @property
    def known_on(self) -> date:
        return FIRST + timedelta(days=self.known)

    @property
    def on(self) -> date:
        return max(FIRST, self.known_on - timedelta(days=self.late))


steps = st.builds(
    Step,
    kind=st.sampled_from(("begin", *KINDS)),
    known=st.integers(0, DAYS - 1),
    late=st.one_of(st.just(0), st.integers(0, 100)),
    which=st.integers(0, 5),
)
histories = st.lists(steps, min_size=1, max_size=10).map(
    lambda found: sorted(found, key=lambda step: (step.known, KINDS.index(step.kind)))
)


def shelf() -> list[Offer]:
    """A package with two price versions, one by terminal, one that charges pauses, one with a discount by tier."""
    first = offers.draft("plain", name="基本包", while_checked="NONE")
    offers.price(first, 2633, active_to=date(2026, 9, 17))
    offers.price(first, 2999, active_from=date(2026, 9, 17))
    publishing.publish_offer(offer_id=first.pk, as_of=offers.LONG_AGO)
    box = offers.draft("box", type_code="box", name="机顶盒", while_checked="FULL", most_per_account=9)
    type(box.type).objects.filter(pk=box.type_id).update(is_per_terminal=True)
    offers.price(box, 1501, 777, 333)
    publishing.publish_offer(offer_id=box.pk, as_of=offers.LONG_AGO)
    paused = offers.draft("paused", type_code="net", name="宽带", while_checked="FEE")
    offers.price(paused, 9900)
    offers.price(paused, 511, charge="PAUSE")
    publishing.publish_offer(offer_id=paused.pk, as_of=offers.LONG_AGO)
    gold = offers.rule("gold", first, tiers=["GOLD"], value=83, active_from=FIRST)
    publishing.publish_rule(rule_id=gold.pk, as_of=offers.LONG_AGO)
    return [first, box, paused]


def live(of: BillingAccount, step: Step, on_shelf: list[Offer]) -> bool:
    """The step, if the services allow it; whether they did."""
    held = list(Subscription.objects.filter(account=of, state="ACTIVE").order_by("pk"))
    if step.kind == "begin" or not held:
        what = on_shelf[step.which % len(on_shelf)]
        build.held(of, what, step.on, known_on=step.known_on)
        return True
    row = held[step.which % len(held)]
    try:
        _do(of, row, step, on_shelf)
    except (HallError, DayTooEarly):
        return False
    return True


def _do(of: BillingAccount, row: Subscription, step: Step, on_shelf: list[Offer]) -> None:
    if step.kind == "end":
        build.end(row, step.on, known_on=step.known_on)
    elif step.kind == "pause":
        build.pause(row, step.on, known_on=step.known_on)
    elif step.kind == "resume":
        build.resume(row, step.on, known_on=step.known_on)
    elif step.kind == "turn":
        to = on_shelf[step.which % 2]
        subscriptions.turn(
            number=row.number,
            wanted=Wanted(offer_id=to.pk, begins_on=step.known_on),
            slip_id=holdings.change(row, to).pk,
            actor=build.ACTOR,
            as_of=build.noon(step.known_on),
        )
    elif not Standing.objects.filter(customer=of.customer).exists():
        # A tier is given from the day on which it is known: loyalty never gives one for months that are over.
        Standing.objects.create(customer=of.customer, tier="GOLD", active_from=step.known_on)
