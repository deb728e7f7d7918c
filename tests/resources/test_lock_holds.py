"""Who is given a number that was taken back, and from when on: the database asks, too."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from core.db import violated
from resources.models import Number, NumberPeriod, PeriodKind
from resources.selectors import numbers as reads
from resources.services import number_orders, numbers
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture
from tests.resources import build
from tests.resources.build import ACTOR

pytestmark = pytest.mark.django_db
DIGITS, FORMER = "13812345678", "subscription:1"
BACK = datetime(2026, 8, 31, 4, 0, tzinfo=UTC)
FREE = datetime(2027, 2, 28, 16, 0, tzinfo=UTC)  # 31 August and six months: 28 February is its last day


@pytest.fixture
def number() -> Number:
    made = build.number(DIGITS)
    build.own(DIGITS, FORMER, BACK - timedelta(days=100))
    build.take_back(DIGITS, FORMER, BACK)
    return made


@pytest.mark.parametrize(
    ("back", "free"),
    [
        (date(2026, 8, 31), date(2027, 3, 1)),
        (date(2027, 8, 31), date(2028, 3, 1)),  # 29 February is its last day
        (date(2027, 8, 29), date(2028, 3, 1)),
        (date(2027, 8, 28), date(2028, 2, 29)),
        (date(2026, 12, 31), date(2027, 7, 1)),
        (date(2026, 6, 4), date(2026, 12, 5)),
    ],
)
def test_six_calendar_months_and_free_the_day_after(back: date, free: date) -> None:
    made = build.number(DIGITS)
    assert reads.free_again_at(made, taken_back_on=back) == datetime.combine(
        free, datetime.min.time(), tzinfo=UTC
    ) - timedelta(hours=8)


def give(as_of: datetime, owner: str = "subscription:9") -> NumberPeriod:
    return numbers.assign(digits=DIGITS, owner=owner, actor=ACTOR, as_of=as_of)


def test_the_last_moment_is_his_and_the_next_is_anybody_s(number: Number) -> None:
    with pytest.raises(numbers.NumberLocked):
        give(FREE - timedelta(microseconds=1))
    assert give(FREE).holder == "subscription:9"


def insert(number: Number, at: datetime, *, role: str) -> None:
    """As the application's own role, which shortens the lock first and tries to switch the law off."""
    with connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        cursor.execute("SET LOCAL pgtrigger.ignore = '{resources_numberperiod:period_lock_holds}'")
        cursor.execute(
            "UPDATE resources_numberperiod SET during = tstzrange(lower(during), %s) WHERE kind = 'LOCK'",
            [at],
        )
        cursor.execute(
            "INSERT INTO resources_numberperiod (number_id, kind, during, holder, cause) "
            "VALUES (%s, 'OWNER', tstzrange(%s, NULL), 'subscription:9', '')",
            [number.pk, at],
        )


def test_raw_sql_gives_it_to_nobody_inside_the_lock(
    number: Number,
    made_roles: tuple[str, str],  # noqa: F811  # the fixture
) -> None:
    at = BACK + timedelta(days=10)
    with pytest.raises(IntegrityError) as seen, transaction.atomic():
        insert(number, at, role=made_roles[0])
    assert violated(seen.value) == "period_lock_holds"
    with pytest.raises(IntegrityError) as seen, transaction.atomic():
        NumberPeriod.objects.bulk_create(
            [NumberPeriod(number=number, kind=PeriodKind.OWNER, during=(at, None), holder="subscription:9")]
        )
    assert violated(seen.value) in ("period_lock_holds", "number_had_by_one")
    assert reads.present(number, as_of=at) is not None
    with transaction.atomic():
        insert(number, FREE, role=made_roles[0])  # the control: the same words, when it is free


def test_unlocked_by_two_people_it_is_free(number: Number) -> None:
    at = BACK + timedelta(days=10)
    numbers.unlock(digits=DIGITS, actor=ACTOR, as_of=at, reason="x")
    assert give(at + timedelta(seconds=1)).holder == "subscription:9"


def test_restored_and_taken_back_again_it_is_locked_anew(number: Number) -> None:
    at = BACK + timedelta(days=10)
    numbers.restore(digits=DIGITS, owner=FORMER, actor=ACTOR, as_of=at, cause="x")
    build.take_back(DIGITS, FORMER, at + timedelta(days=1))
    with pytest.raises(numbers.NumberLocked):
        give(at + timedelta(days=2))


def keep(order: str, at: datetime, former: str = FORMER) -> None:
    number_orders.keep_locked(
        digits=DIGITS, former=former, order=order, until=at + timedelta(hours=1), actor=ACTOR, as_of=at
    )


def test_kept_for_an_order_of_who_had_it_as_long_as_the_lock(number: Number) -> None:
    at = BACK + timedelta(days=10)
    keep("order:O1", at)
    with pytest.raises(numbers.NumberTaken):
        give(FREE - timedelta(microseconds=1))
    number_orders.drop(digits=DIGITS, order="order:O1", actor=ACTOR, as_of=at, reason="x")
    period = reads.present(number, as_of=at)
    assert period is not None
    assert (period.kind, period.holder, period.ends_at) == (PeriodKind.LOCK, FORMER, FREE)
    number_orders.drop(digits=DIGITS, order="order:O1", actor=ACTOR, as_of=at, reason="again")


def test_an_order_of_the_last_day_keeps_it_a_little_longer_and_then_it_is_free(number: Number) -> None:
    at = FREE - timedelta(minutes=10)
    keep("order:O1", at)
    period = reads.present(number, as_of=at)
    assert period is not None
    assert period.ends_at == at + timedelta(hours=1)
    number_orders.drop(
        digits=DIGITS, order="order:O1", actor=ACTOR, as_of=FREE + timedelta(minutes=5), reason="x"
    )
    assert reads.present(number, as_of=FREE + timedelta(minutes=6)) is None


@pytest.mark.parametrize("former", ["subscription:2", "user:1"])
def test_who_did_not_have_it_does_not_have_it_kept(number: Number, former: str) -> None:
    with pytest.raises(numbers.NumberTaken):
        keep("order:O1", BACK + timedelta(days=1), former)
    with pytest.raises(numbers.NotLocked):
        keep("order:O1", FREE)
