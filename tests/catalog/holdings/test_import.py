import csv
from collections import defaultdict
from datetime import timedelta
from functools import cache
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest

from accounts.models import User
from accounts.services import bulk_accounts
from catalog.charging.services import bill_runs
from catalog.holdings.selectors import holdings
from catalog.holdings.services import bulk_holdings, months_check
from catalog.models import ChargedMonth, Offer, Price, ProductType, Subscription, SubscriptionHistory
from catalog.offers.services import publishing
from catalog.pricing.types import Period
from core.imports import profiles
from core.imports.errors import BadProfile
from core.imports.runs import Job
from tests import shared_data
from tests.billing import build as money
from tests.catalog.holdings.build import TODAY, day
from tests.conftest import NOON
from tests.imports import build
from tests.imports.test_import_accounts import dispatch

pytestmark = pytest.mark.django_db
PROFILE = "telco_customer_churn"
FILE = "customers/telco_customer_churn.csv"
HEAD = (
    "customerID,tenure,PhoneService,MultipleLines,InternetService,OnlineSecurity,OnlineBackup,DeviceProtection,"
    "TechSupport,StreamingTV,StreamingMovies,Contract,MonthlyCharges\n"
)


def row(account: str, **changes: str) -> str:
    """A customer with a telephone alone."""
    values = dict.fromkeys(HEAD.strip().split(","), "No") | {
        "customerID": account,
        "tenure": "5",
        "PhoneService": "Yes",
        "Contract": "Month-to-month",
        "MonthlyCharges": "20.00",
    }
    return ",".join((values | changes).values()) + "\n"


def load(path: Path, **job: Any) -> build.Result:
    return build.load(bulk_holdings.load, path, profile=PROFILE, **job)


def publish_all() -> None:
    owner = User.objects.create(username="owner")
    ProductType.objects.update(flow="DIRECT")
    for offer in Offer.objects.all():
        offer.owner, offer.conditions = owner, "原系统资费"
        offer.save(update_fields=["owner", "conditions"])
        publishing.publish_offer(offer_id=offer.pk, as_of=NOON)


def account() -> str:
    """With a number as wide as the profile's."""
    return money.account().number


def test_a_row_becomes_a_holding_for_each_service(tmp_path: Path) -> None:
    number = account()
    changes = {"InternetService": "Fiber optic", "StreamingTV": "Yes", "Contract": "One year", "tenure": "15"}
    result = load(build.file(tmp_path, HEAD + row(number, **changes)))
    assert (result.counts.created, result.rejects) == (1, [])
    rows = Subscription.objects.select_related("offer", "account").order_by("offer__code")
    assert [each.offer.code for each in rows] == ["telco-fiber", "telco-phone", "telco-tv"]
    for each in rows:
        assert (each.state, each.account.number, each.payer_id) == ("ACTIVE", number, each.account_id)
        assert (each.begins_on, each.committed_until) == (day(8, 1, 2025), day(8, 1, 2027))
        assert each.number.startswith("U20261118")
    assert SubscriptionHistory.objects.count() == 3
    [price] = Price.objects.filter(offer__code="telco-fiber")
    assert (price.amounts_cents, price.offer.published_at) == ([5000], None)


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = build.file(tmp_path, HEAD + row(account(), InternetService="DSL"))
    load(path)
    again = load(path)
    assert (again.counts.unchanged, again.counts.created) == (1, 0)
    assert (Subscription.objects.count(), Offer.objects.count()) == (2, 10)


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    result = load(build.file(tmp_path, HEAD + row(account())), dry_run=True)
    assert (result.counts.created, result.rejects) == (1, [])
    assert not Subscription.objects.exists()
    assert not Offer.objects.exists()


def test_what_cannot_be_taken_over_is_rejected_with_its_reason(tmp_path: Path) -> None:
    known, other = account(), account()
    load(build.file(tmp_path, HEAD + row(other)))
    text = HEAD + row("9999-XXXXX") + row(known, Contract="For ever") + row(other, tenure="7")
    text += row(account(), tenure="-1") + row(account(), tenure="")
    result = load(build.file(tmp_path, text))
    assert result.reasons == [
        (2, "customerID", "UNKNOWN_ACCOUNT"),
        (3, "Contract", "UNKNOWN_CONTRACT"),
        (4, "begins_on", "CHANGED"),
        (5, "tenure", "BAD_MONTHS"),
        (6, "tenure", "NO_BEGINNING"),
    ]
    assert Subscription.objects.count() == 1


def test_a_term_follows_on_the_one_before() -> None:
    assert bulk_holdings.committed_until(day(1, 1), 0, TODAY) is None
    assert bulk_holdings.committed_until(day(1, 1), 12, TODAY) == day(1, 1, 2027)
    assert bulk_holdings.committed_until(day(11, 18, 2025), 12, TODAY) == day(11, 18, 2027)


SERVICE = '{ offer = "x", name = "x", column = "x", values = ["Yes"] }'


@pytest.mark.parametrize(
    "told",
    [
        "services = []",
        "services = [1]",
        'services = [{ offer = "x" }]',
        'services = [{ offer = "x", name = "x", column = "x", values = [1] }]',
        'services = [{ offer = "x", name = "x", column = "x", values = [], fee = "5,00" }]',
        f'snapshot_on = "2026-13-01"\nservices = [{SERVICE}]',
    ],
)
def test_a_profile_that_is_wrong_says_where(tmp_path: Path, told: str) -> None:
    text = f'source = "x"\n[holdings]\n{told}\n[holdings.columns]\naccount = "a"\n'
    profile = build.profile(tmp_path, text, "holdings", bulk_holdings.OPTIONS)
    with pytest.raises(BadProfile):
        bulk_holdings.HoldingsImporter(profile, as_of=NOON)


def test_an_offer_that_nobody_knows_is_rejected(tmp_path: Path) -> None:
    text = f'source = "x"\n[holdings]\nservices = [{SERVICE}]\n[holdings.columns]\naccount = "a"\nbegins_on = "b"\n'
    profile = build.file(tmp_path, text, "own.toml")
    path = build.file(tmp_path, f"a,b,x\n{account()},2026-11-01,Yes\n")
    result = build.load(bulk_holdings.load, path, profile=str(profile))
    assert result.reasons == [(2, "", "UNKNOWN_OFFER")]


def test_months_are_compared_by_the_function_that_bills(tmp_path: Path) -> None:
    first, second, third = account(), account(), account()
    text = HEAD + row(first, MonthlyCharges="20.90") + row(second, MonthlyCharges="24.00")
    path = build.file(tmp_path, text)
    load(path)
    unpriced = build.load(months_check.compare, path, profile=PROFILE)
    assert {code for _line, _column, code in unpriced.reasons} == {"NO_PRICE"}
    publish_all()
    found = build.load(months_check.compare, build.file(tmp_path, text + row("9999-XXXXX")), profile=PROFILE)
    assert found.counts.unchanged == 1
    assert [(reject.reason.code, reject.value) for reject in found.rejects] == [
        ("MONTH_DIFFERS", "¥20.00 ≠ ¥24.00"),
        ("UNKNOWN_ACCOUNT", "9999-XXXXX"),
    ]
    assert not Subscription.objects.filter(account__number=third).exists()


def sample() -> list[dict[str, str]]:
    with shared_data.require(FILE).open(newline="") as file:
        return list(csv.DictReader(file))


def fees_of_file(rows: list[dict[str, str]]) -> dict[str, float]:
    """What each service costs, from the file alone: the medians of those who differ in nothing else."""
    extras = (
        "OnlineSecurity",
        "OnlineBackup",
        "DeviceProtection",
        "TechSupport",
        "StreamingTV",
        "StreamingMovies",
    )
    names = ("PhoneService", "MultipleLines", "InternetService", *extras)
    alike: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for each in rows:
        alike[tuple(each[name] for name in names)].append(float(each["MonthlyCharges"]))
    typical = {key: median(totals) for key, totals in alike.items()}

    def step(name: str, without: str, with_it: str) -> float:
        place = names.index(name)
        pairs = []
        for key, total in typical.items():
            other = (*key[:place], with_it, *key[place + 1 :])
            if key[place] == without and other in typical:
                pairs.append((typical[other] - total, min(len(alike[key]), len(alike[other]))))
        return sum(gap * weight for gap, weight in pairs) / sum(weight for _gap, weight in pairs)

    none = "No internet service"
    phone = typical["Yes", "No", "No", *[none] * 6]
    fees = {"telco-phone": phone, "telco-lines": step("MultipleLines", "No", "Yes")}
    fees["telco-dsl"] = typical["No", "No phone service", "DSL", *["No"] * 6]
    fees["telco-fiber"] = fees["telco-dsl"] + step("InternetService", "DSL", "Fiber optic")
    codes = ("security", "backup", "protection", "support", "tv", "movies")
    return fees | {f"telco-{code}": step(name, "No", "Yes") for code, name in zip(codes, extras, strict=True)}


def test_the_fees_of_the_profile_are_those_of_which_the_file_s_totals_are_made() -> None:
    profile = profiles.load(PROFILE, kind="holdings", options=bulk_holdings.OPTIONS)
    named = {
        each.offer: (each.fee_cents or 0) / 100 for each in bulk_holdings.Reader(profile, as_of=NOON).services
    }
    found = fees_of_file(sample())
    assert found.keys() == named.keys()
    for offer, fee in named.items():
        assert found[offer] == pytest.approx(fee, abs=0.5), offer


def test_the_whole_file_is_held_and_its_months_are_those_of_the_file_but_for_its_noise() -> None:
    """72 of 100 months are equal to within one; no service, contract or person explains what is left."""
    path, rows = shared_data.require(FILE), sample()
    build.load(bulk_accounts.load, path, profile=PROFILE)
    dispatch()
    result = load(path)
    counts = result.counts
    assert (counts.read, counts.created, counts.rejected) == (5634, 5634, 0)
    publish_all()
    compared = build.load(months_check.compare, path, profile=PROFILE)
    assert compared.counts.read == 5634
    assert compared.counts.unchanged == 4077
    assert {reject.reason.code for reject in compared.rejects} == {"MONTH_DIFFERS"}
    _assert_billed(rows)
    _assert_noise(rows)


def _assert_billed(rows: list[dict[str, str]]) -> None:
    """The bill run charges the fees, to the fen; together they are the file's totals but for its noise."""
    job = bill_runs.Job(Period.of("2026-11"), NOON + timedelta(days=13), limit=500)
    assert [counts.failed for counts in bill_runs.run(job)][-1] == 0
    months = ChargedMonth.objects.select_related("account", "bill")
    billed = {row.account.number: row.bill.total_cents if row.bill else 0 for row in months}
    by_number = {each["customerID"]: each for each in rows}
    assert len(billed) == 500
    assert billed == {number: _fees_cents(by_number[number]) for number in billed}
    told = sum(float(by_number[number]["MonthlyCharges"]) for number in billed)
    assert sum(billed.values()) / 100 == pytest.approx(told, rel=0.002)


@cache
def _services() -> list[bulk_holdings.Service]:
    profile = profiles.load(PROFILE, kind="holdings", options=bulk_holdings.OPTIONS)
    return list(bulk_holdings.Reader(profile, as_of=NOON).services)


def _fees_cents(each: dict[str, str]) -> int:
    """What the profile says that the services of a row cost."""
    return sum(service.fee_cents or 0 for service in _services() if each[service.column] in service.values)


def _assert_noise(rows: list[dict[str, str]]) -> None:
    """What the hall charges less what the file says has no pattern: around nil whatever one knows of the customer."""
    gaps = [float(each["MonthlyCharges"]) - _fees_cents(each) / 100 for each in rows]
    assert max(map(abs, gaps)) < 5
    for column in rows[0].keys() - {"customerID", "MonthlyCharges", "TotalCharges", "tenure"}:
        by_value: dict[str, list[float]] = defaultdict(list)
        for each, found in zip(rows, gaps, strict=True):
            by_value[each[column]].append(found)
        for value, several in by_value.items():
            assert abs(mean(several)) < 0.25, (column, value)


def test_imported_months_are_what_pricing_is_given(tmp_path: Path) -> None:
    found = money.account()
    load(build.file(tmp_path, HEAD + row(found.number, Contract="Two year", tenure="0")))
    [held] = holdings.of(found, on=TODAY)
    assert (held.offer, held.begins_on, held.committed_until) == (
        "telco-phone",
        day(11, 1),
        day(11, 1, 2028),
    )


def test_the_command_compares_and_says_so_by_its_exit_code(tmp_path: Path) -> None:
    path = build.file(tmp_path, HEAD + row(account(), MonthlyCharges="99.00"))
    assert build.command("import_holdings", str(path), "--lanes", "1")[0] == 0
    publish_all()
    code, facts = build.command("import_holdings", str(path), "--compare")
    assert (code, facts["counts"]["rejected"] if "counts" in facts else facts["rejected"]) == (3, 1)
    assert Job(path=path).lanes == 2
