"""Whether the hall would charge what the other system says that it charges: row by row of an imported file."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from billing.services.bulk.bulk_reasons import UNKNOWN_ACCOUNT
from catalog.holdings.selectors import holdings
from catalog.holdings.services import bulk_holdings
from catalog.holdings.services.bulk_holdings import Reader
from catalog.offers.selectors import books
from catalog.pricing import PricingError, charges
from catalog.pricing.types import Period
from core import clock, money
from core.imports import profiles, runs
from core.imports.profiles import Profile
from core.imports.records import Record
from core.imports.rejects import Reason, Reject
from core.imports.runs import Job, Outcome, Progress

MONTH_DIFFERS = Reason("MONTH_DIFFERS", _("本月费用与文件中的不一致（我方 ≠ 文件）"))
NO_PRICE = Reason("NO_PRICE", _("这些业务还没有已发布的价格"))


def compare(job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
    """Changes nothing. A row whose month total differs by more than the profile's tolerance comes back as a reject."""
    found = profiles.load(profile, kind=bulk_holdings.KIND, options=bulk_holdings.OPTIONS)
    return runs.run(job, MonthsCheck(found, as_of=as_of))


class MonthsCheck(Reader):
    """See `core.imports.runs.Importer`: equal rows count as unchanged."""

    name = "holdings:compare"
    lane_field = None

    def __init__(self, profile: Profile, *, as_of: datetime) -> None:
        super().__init__(profile, as_of=as_of)
        self._period = Period.containing(clock.local_date(as_of))
        self._tolerance = money.parse_yuan(profile.options.get("month_tolerance", "0.00"))

    def prepare(self) -> None:
        pass

    def merge(self, records: Sequence[Record], *, dry_run: bool) -> Outcome:
        rows = [self.given(record) for record in records]
        ours = self._months({row.account for row in rows})
        outcome = Outcome()
        for row in rows:
            reject = self._differs(row, ours)
            if reject is None:
                outcome.unchanged += 1
            else:
                outcome.rejects.append(reject)
        return outcome

    def _differs(self, row: bulk_holdings.Given, ours: dict[str, int | None]) -> Reject | None:
        if row.account not in ours:
            return Reject(row.line, "account", UNKNOWN_ACCOUNT, row.account)
        cents = ours[row.account]
        if cents is None:
            return Reject(row.line, "account", NO_PRICE, row.account)
        theirs = row.month_total or 0
        if abs(cents - theirs) <= self._tolerance:
            return None
        told = f"{money.display(cents)} ≠ {money.display(theirs)}"
        return Reject(row.line, "month_total", MONTH_DIFFERS, told)

    def _months(self, numbers: set[str]) -> dict[str, int | None]:
        """What each account's month costs, by the function that bills; None where it cannot be priced."""
        ids = dict(BillingAccount.objects.filter(number__in=numbers).values_list("pk", "number"))
        held = holdings.of_many(ids, self._period)
        facts = books.facts_of(list(ids), self._period.ends_on)
        priced = books.many({(each.region_id, each.kind) for each in facts.values()})
        found: dict[str, int | None] = {}
        for key, number in ids.items():
            each = facts[key]
            try:
                found[number] = charges(
                    holdings=held.get(key, ()),
                    change=None,
                    customer=each.customer,
                    book=priced[each.region_id, each.kind],
                    period=self._period,
                ).month_cents
            except PricingError:
                found[number] = None
        return found
