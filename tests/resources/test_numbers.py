"""A number through its life: free, held, assigned, taken back, locked, free again; and who gets it when."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from accounts.services import accounts
from core import clock
from core.db import violated
from core.errors import NotFound
from resources import rules
from resources.models import Number, NumberChange, NumberLockRule, NumberPeriod, PeriodKind, Verb
from resources.selectors import funnel
from resources.selectors import numbers as reads
from resources.selectors.numbers import Wish
from resources.services import numbers, searches
from tests.billing import build as billing
from tests.conftest import NOON
from tests.resources import build
from tests.resources.build import ACTOR, minutes

pytestmark = pytest.mark.django_db
DIGITS = "13812345678"


def is_free(as_of: datetime, digits: str = DIGITS) -> bool:
    return Number.objects.free(as_of=as_of).filter(digits=digits).exists()


def test_a_hold_keeps_the_number_for_its_minutes_and_no_longer(settings: Any) -> None:
    build.number()
    held = build.hold()
    assert held.is_new
    assert held.period.ends_at == minutes(settings.NUMBER_HOLD_MINUTES)
    assert not is_free(minutes(14.99))
    assert is_free(minutes(15))  # half-open: free in the very instant of its end
    assert build.hold(holder="user:2", as_of=minutes(15)).is_new


def test_two_customers_cannot_hold_one_number() -> None:
    build.number()
    build.hold()
    with pytest.raises(numbers.NumberTaken):
        build.hold(holder="user:2", as_of=minutes(1))
    assert NumberPeriod.objects.get().holder == "user:1"
    assert NumberChange.objects.count() == 1


def test_the_same_holder_again_has_the_same_hold() -> None:
    build.number()
    first = build.hold()
    again = build.hold(as_of=minutes(5))
    assert (again.is_new, again.period.pk, again.period.ends_at) == (False, first.period.pk, minutes(15))


def test_nobody_holds_more_than_the_limit(settings: Any) -> None:
    settings.NUMBER_HOLDS_PER_HOLDER = 2
    for digits in ("13800000001", "13800000002", "13800000003"):
        build.number(digits)
    build.hold("13800000001")
    build.hold("13800000002")
    with pytest.raises(numbers.TooManyHolds):
        build.hold("13800000003")
    assert is_free(NOON, "13800000003")
    numbers.release(digits="13800000001", holder="user:1", actor=ACTOR, as_of=minutes(1))
    assert build.hold("13800000003", as_of=minutes(1)).is_new


def test_what_is_not_offered_or_not_there_is_not_held() -> None:
    Number.objects.filter(pk=build.number().pk).update(is_offered=False)
    with pytest.raises(numbers.NumberNotOffered):
        build.hold()
    with pytest.raises(NotFound):
        build.hold("13899999999")
    assert not NumberPeriod.objects.exists()


def test_a_hold_is_extended_up_to_its_longest(settings: Any) -> None:
    settings.NUMBER_HOLD_MOST_MINUTES = 20
    build.number()
    build.hold()
    period = numbers.extend(digits=DIGITS, holder="user:1", actor=ACTOR, as_of=minutes(10))
    assert period.ends_at == minutes(20)
    assert not reads.may_extend(period)
    with pytest.raises(numbers.HoldTooLong):
        numbers.extend(digits=DIGITS, holder="user:1", actor=ACTOR, as_of=minutes(12))
    with pytest.raises(numbers.NotHeld):
        numbers.extend(digits=DIGITS, holder="user:1", actor=ACTOR, as_of=minutes(20))


def test_only_the_holder_releases() -> None:
    build.number()
    build.hold()
    with pytest.raises(numbers.NotHeld):
        numbers.release(digits=DIGITS, holder="user:2", actor=ACTOR, as_of=minutes(1))
    assert not is_free(minutes(1))
    numbers.release(digits=DIGITS, holder="user:1", actor=ACTOR, as_of=minutes(1))
    assert is_free(minutes(1))


def test_held_and_assigned_in_one_instant_the_owner_follows_on_the_holds_heels() -> None:
    build.number()
    build.hold()
    numbers.assign(digits=DIGITS, owner="subscription:1", held_by="user:1", actor=ACTOR, as_of=NOON)
    hold, owner = NumberPeriod.objects.order_by("pk")
    assert hold.ends_at == owner.begins_at == NOON + timedelta(microseconds=1)
    assert owner.ends_at is None


def test_who_waited_for_the_lock_with_an_older_clock_finds_it_taken() -> None:
    build.number()
    build.hold(as_of=minutes(1))
    with pytest.raises(numbers.NumberTaken):
        build.hold(holder="user:2", as_of=NOON)


def test_assigned_from_a_hold_it_is_the_owners_without_an_end() -> None:
    build.number()
    build.hold()
    period = numbers.assign(
        digits=DIGITS, owner="subscription:9", held_by="user:1", actor=ACTOR, as_of=minutes(3), cause="S1"
    )
    assert (period.kind, period.begins_at, period.ends_at) == (PeriodKind.OWNER, minutes(3), None)
    hold = NumberPeriod.objects.get(kind=PeriodKind.HOLD)
    assert hold.ends_at == minutes(3)
    again = numbers.assign(digits=DIGITS, owner="subscription:9", actor=ACTOR, as_of=minutes(4))
    assert again.pk == period.pk
    assert [row.number.digits for row in reads.of_owner("subscription:9", as_of=minutes(5))] == [DIGITS]


def test_a_hold_that_is_over_or_anothers_is_not_assigned() -> None:
    build.number()
    build.hold()
    for holder, at in (("user:2", 1), ("user:1", 15)):
        with pytest.raises(numbers.NotHeld):
            numbers.assign(digits=DIGITS, owner="s:1", held_by=holder, actor=ACTOR, as_of=minutes(at))
    with pytest.raises(numbers.NumberTaken):
        numbers.assign(digits=DIGITS, owner="s:1", actor=ACTOR, as_of=minutes(1))
    assert not NumberPeriod.objects.filter(kind=PeriodKind.OWNER).exists()


def test_taken_back_it_is_locked_six_calendar_months_and_free_the_day_after() -> None:
    build.number()
    build.own(as_of=datetime(2026, 1, 1, tzinfo=UTC))
    back = datetime(2026, 5, 18, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai
    build.take_back(as_of=back)
    lock = NumberPeriod.objects.get(kind=PeriodKind.LOCK)
    midnight = datetime(2026, 11, 19, tzinfo=clock.SHANGHAI)
    assert (lock.begins_at, lock.ends_at, lock.holder) == (back, midnight, "subscription:1")
    with pytest.raises(numbers.NumberLocked):
        build.hold(as_of=midnight - timedelta(microseconds=1))
    assert build.hold(as_of=midnight).is_new


def test_only_its_owner_can_give_it_back() -> None:
    build.number()
    build.own()
    with pytest.raises(numbers.NotOwned):
        build.take_back(owner="subscription:2", as_of=minutes(1))
    build.take_back(as_of=minutes(1))
    with pytest.raises(numbers.NotOwned):
        build.take_back(as_of=minutes(2))
    assert NumberPeriod.objects.filter(kind=PeriodKind.LOCK).count() == 1


def test_the_rule_of_the_class_on_that_day_says_how_long(settings: Any) -> None:
    nice = build.number_class("NICE")
    number, plain = build.number(of=nice), build.number("13800000009")
    NumberLockRule.objects.create(number_class=None, months=3, active_from=date(2026, 1, 1))
    NumberLockRule.objects.create(number_class=nice, months=12, active_from=date(2026, 6, 1))
    NumberLockRule.objects.create(number_class=nice, months=24, active_from=date(2026, 12, 1))
    assert reads.lock_months(number, on=date(2025, 12, 31)) == settings.NUMBER_LOCK_MONTHS
    assert reads.lock_months(number, on=date(2026, 5, 31)) == 3
    assert reads.lock_months(number, on=date(2026, 6, 1)) == 12
    assert reads.lock_months(number, on=date(2026, 12, 1)) == 24
    assert reads.lock_months(plain, on=date(2026, 12, 1)) == 3


def test_who_had_it_gets_it_back_during_the_lock_and_nobody_else() -> None:
    build.number()
    build.own()
    build.take_back(as_of=minutes(1))
    with pytest.raises(numbers.NumberTaken):
        numbers.restore(digits=DIGITS, owner="subscription:2", actor=ACTOR, as_of=minutes(2), cause="x")
    period = numbers.restore(
        digits=DIGITS, owner="subscription:1", actor=ACTOR, as_of=minutes(2), cause="已缴清"
    )
    assert (period.kind, period.begins_at) == (PeriodKind.OWNER, minutes(2))
    with pytest.raises(numbers.NotLocked):
        numbers.restore(digits=DIGITS, owner="subscription:1", actor=ACTOR, as_of=minutes(3), cause="x")


def test_the_history_tells_all_of_it() -> None:
    build.number()
    build.hold()
    numbers.extend(digits=DIGITS, holder="user:1", actor=ACTOR, as_of=minutes(1))
    numbers.assign(digits=DIGITS, owner="subscription:1", held_by="user:1", actor=ACTOR, as_of=minutes(2))
    build.take_back(as_of=minutes(3))
    numbers.unlock(digits=DIGITS, actor=ACTOR, as_of=minutes(4), reason="省公司批复")
    verbs = list(NumberChange.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs == [Verb.HELD, Verb.EXTENDED, Verb.ASSIGNED, Verb.TAKEN_BACK, Verb.UNLOCKED]
    assert is_free(minutes(4))


def refused(sql: str, *values: Any) -> str:
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    return violated(error.value)


def test_the_database_itself_lets_nobody_share_an_instant() -> None:
    number = build.number()
    build.hold()
    sql = "INSERT INTO resources_numberperiod (number_id, kind, during, holder, cause) VALUES (%s, %s, %s, %s, '')"
    assert (
        refused(sql, number.pk, "HOLD", DateTimeTZRange(minutes(14), minutes(20)), "user:2")
        == "number_had_by_one"
    )
    assert (
        refused(sql, number.pk, "HOLD", DateTimeTZRange(minutes(20), None), "user:2")
        == "period_only_owners_stay"
    )
    assert refused(sql, number.pk, "OWNER", DateTimeTZRange(None, NOON), "user:2") == "period_has_a_begin"
    empty = DateTimeTZRange(minutes(20), minutes(20))
    assert refused(sql, number.pk, "HOLD", empty, "user:2") == "period_has_a_begin"
    assert (
        refused(sql, number.pk, "HOLD", DateTimeTZRange(minutes(20), minutes(21)), "")
        == "period_has_a_holder"
    )


def test_a_period_keeps_its_begin_and_owners_are_never_forgotten() -> None:
    build.number()
    build.own()
    moved = "UPDATE resources_numberperiod SET during = tstzrange(lower(during) - interval '1 day', upper(during))"
    assert refused(moved) == "period_keeps_its_begin"
    assert refused("DELETE FROM resources_numberperiod") == "period_only_past_holds_go"


def test_a_hold_that_is_over_may_be_forgotten() -> None:
    build.number()
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    build.hold(as_of=long_ago)
    build.hold(holder="user:2", as_of=datetime(2120, 1, 1, tzinfo=UTC))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM resources_numberperiod WHERE holder = 'user:1'")
        assert cursor.rowcount == 1
    assert refused("DELETE FROM resources_numberperiod") == "period_only_past_holds_go"


def found(wish: Wish) -> list[str]:
    return [number.digits for number in reads.find(wish, as_of=NOON)]


def test_a_search_finds_what_is_free_and_fits_the_cheapest_first() -> None:
    nice = build.number_class("NICE", price_cents=50_000)
    city = build.region("东城市")
    hall = build.region("东城一厅", parent=city)
    build.number("13856708888", of=nice, place=hall)
    build.number("13845671122", place=hall)
    build.number("13856706868", place=build.region("西城市"))
    build.number("13800001122", place=hall)
    build.own("13800001122")
    assert found(Wish()) == ["13845671122", "13856706868", "13856708888"]
    assert found(Wish(patterns=("NO4",))) == ["13856706868", "13856708888"]
    assert found(Wish(patterns=("AABB",))) == ["13845671122"]
    assert found(Wish(anywhere="567")) == ["13845671122", "13856706868", "13856708888"]
    assert found(Wish(anywhere="56706")) == ["13856706868"]
    assert found(Wish(anywhere="4")) == ["13845671122"]
    assert found(Wish(ends_with="22")) == ["13845671122"]
    assert found(Wish(ends_with="2%")) == []
    assert found(Wish(region=city)) == ["13845671122", "13856708888"]
    assert found(Wish(region=hall, class_code="NICE")) == ["13856708888"]
    assert found(Wish(most_cents=49_999)) == ["13845671122", "13856706868"]


def test_the_search_asks_indexes() -> None:
    first = build.number()
    digits = [f"139{n:08}" for n in range(3_000)]
    same = {"number_class": first.number_class, "region": first.region}
    Number.objects.bulk_create([Number(digits=each, marks=rules.marks(each), **same) for each in digits])
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('number_marks')")
        cursor.execute("ANALYZE resources_number")
        cursor.execute("SET LOCAL enable_seqscan = off")
    for wish, index in ((Wish(patterns=("AAA",)), "number_marks"), (Wish(ends_with="678"), "number_ends")):
        plan = reads.find(wish, as_of=NOON).order_by().explain()
        assert index in plan


def test_the_funnel_counts_rows_and_knows_nobody() -> None:
    build.number()
    for is_found in (True, True, False):
        searches.note(Wish(patterns=("AAA",)), channel="WEB", is_found=is_found, as_of=NOON)
    build.hold()
    numbers.assign(digits=DIGITS, owner="subscription:1", held_by="user:1", actor=ACTOR, as_of=minutes(1))
    steps = funnel.read(since=NOON, until=minutes(2))
    counts = {step.code: step.count for step in steps}
    assert {code: counts[code] for code in ("BROWSE", "HOLD", "ACTIVE")} == {
        "BROWSE": 3,
        "HOLD": 1,
        "ACTIVE": 1,
    }
    assert {step.count for step in funnel.read(since=minutes(2), until=minutes(9))} == {0}


def test_an_account_with_a_number_of_its_own_is_not_closed() -> None:
    account = billing.account()
    owner = f"account:{account.number}"
    build.number()
    build.own(owner=owner)
    with pytest.raises(accounts.AccountInUse) as caught:
        accounts.close_account(account_id=account.pk, as_of=minutes(1))
    assert "13812345678" in caught.value.text
    build.take_back(owner=owner, as_of=minutes(2))
    assert accounts.close_account(account_id=account.pk, as_of=minutes(3)).is_closed
