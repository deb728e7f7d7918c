"""The same statement imported twice at the same moment, and a callback that arrives while it is compared."""

from pathlib import Path

import pytest

from billing.models import Payment, Receipt, Statement, StatementDifference, StatementLine
from billing.services.statements import statements
from core.imports import staging
from tests.billing import build
from tests.billing import statements_build as made
from tests.billing.statements_build import DAY, IMPORTED_AT, Row
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
N = 3


def load(path: Path) -> str:
    try:
        return str(
            statements.load(
                path=path, gateway="alipay", as_of=IMPORTED_AT, actor=made.ACTOR, ask=False
            ).outcome
        )
    except statements.OtherFileOfThatDay:
        return "REFUSED"
    except Exception as error:  # what the control is for
        return type(error).__name__


def test_one_file_at_once_is_one_statement(tmp_path: Path) -> None:
    path = made.file(tmp_path, [Row(f"T{n}", f"H{n}") for n in range(3_000)])
    assert sorted(together(*[lambda: load(path)] * N)) == ["ALREADY_DONE"] * (N - 1) + ["IMPORTED"]
    assert (Statement.objects.count(), StatementLine.objects.count()) == (1, 3_000)
    assert StatementDifference.objects.count() == 3_000


def test_without_the_lock_they_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the unique constraints alone keep the second one out, with an error instead of an answer."""
    monkeypatch.setattr(staging, "one_at_a_time", lambda name: None)
    path = made.file(tmp_path, [Row(f"T{n}", f"H{n}") for n in range(3_000)])
    assert "IntegrityError" in together(*[lambda: load(path)] * N)
    assert StatementLine.objects.count() == 3_000


def test_two_files_of_one_day_at_once_are_not_both_its_first(tmp_path: Path) -> None:
    files = [made.file(tmp_path, [Row(f"T{n}", f"H{n}")]) for n in range(2)]
    assert sorted(together(*[lambda path=path: load(path) for path in files])) == ["IMPORTED", "REFUSED"]
    assert Statement.objects.filter(day=DAY).count() == 1


def test_a_callback_during_the_import_leaves_no_difference_behind(tmp_path: Path) -> None:
    """Whoever is first: booked before the comparison it is MATCHED, after it the next file clears it."""
    payment = made.unpaid()
    path = made.file(tmp_path, [Row(f"T{payment.reference}", payment.reference)])

    def told() -> str:
        build.apply(payment, build.report(payment, paid_at=made.moment()))
        return "APPLIED"

    assert "IMPORTED" in together(told, lambda: load(path))
    made.load(tmp_path, [], day=DAY.replace(day=DAY.day + 1))
    assert made.differences(state__in=["OPEN", "HELD"]) == []
    assert Receipt.objects.count() == 1
    assert Payment.objects.get(pk=payment.pk).state == "SUCCEEDED"
    assert build.books_are_right()
