"""A statement against the books: each class, both channels, day cuts, versions, and that no money moves by it."""

from datetime import timedelta
from pathlib import Path

import pytest

from billing.gateways.base import RefundReport
from billing.models import (
    AccountBalance,
    DifferenceHistory,
    Payment,
    Receipt,
    Refund,
    Statement,
    StatementDifference,
    StatementLine,
)
from billing.models.statements import DIFFERENCE_MACHINE, DifferenceState
from billing.services.payments import payments
from billing.services.statements import statements
from core.models import AuditRow
from core.statemachine import IllegalTransition
from tests.billing import build
from tests.billing import statements_build as made
from tests.billing.statements_build import DAY, IMPORTED_AT, Row, moment

pytestmark = pytest.mark.django_db
GATEWAYS = pytest.mark.parametrize("gateway", ["alipay", "wechatpay"])
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)


def refunded(payment: Payment, cents: int, *, at: str = "15:00:00", number: str = "RF1") -> Row:
    """The payment is refunded in part, as the gateway told with its own amount; the row that the file has for it."""
    told = RefundReport(request_no=number, amount_cents=cents, refunded_at=moment(at))
    report = build.report(payment, paid_at=moment(), refunds=(told,), total_refunded_cents=cents)
    build.apply(payment, report, as_of=moment(at))
    assert Refund.objects.filter(request_no=number).exists()
    return Row(f"T{payment.reference}", payment.reference, cents, request_no=number, at=at)


@GATEWAYS
def test_what_agrees_is_matched_and_leaves_no_difference(tmp_path: Path, gateway: str) -> None:
    first, row = made.paid(2600, gateway=gateway)
    _second, other = made.paid(1800, gateway=gateway, at=moment("23:10:00"))
    back = refunded(first, 600)
    imported = made.load(tmp_path, [row, other, back], gateway=gateway)
    assert made.found(imported) == {"PAYMENT": {"MATCHED": [2, 4400]}, "REFUND": {"MATCHED": [1, 600]}}
    assert not StatementDifference.objects.exists()
    assert StatementLine.objects.count() == 3
    line = StatementLine.objects.get(kind="REFUND")
    assert (line.request_no, line.amount_cents, line.finished_at) == ("RF1", 600, moment("15:00:00"))
    audited = AuditRow.objects.get(action="billing.statement_imported")
    assert (audited.actor, audited.object_id) == (made.ACTOR.ref, str(imported.statement.pk))


@GATEWAYS
def test_each_class_is_told(tmp_path: Path, gateway: str) -> None:
    _same, matched = made.paid(1000, gateway=gateway)
    wrong, row = made.paid(2000, gateway=gateway)
    mismatch = Row(row.trade_no, row.reference, 2001, at=row.at)
    ours, _row = made.paid(3000, gateway=gateway)
    lost = made.unpaid(4000, gateway=gateway)
    channel_only = Row("TLOST", lost.reference, 4000)
    stranger = Row("TSTRANGER", "NOTOURS", 5000)
    twice, paid_row = made.paid(6000, gateway=gateway)
    second = Row("TSECOND", twice.reference, 6000)
    closed = made.unpaid(7000, gateway=gateway)
    payments.closed(payment_id=closed.pk, as_of=moment(), actor=made.ACTOR, reason="test")
    status = Row("TCLOSED", closed.reference, 7000)
    rows = [matched, mismatch, channel_only, stranger, paid_row, second, status]
    imported = made.load(tmp_path, rows, gateway=gateway)
    assert made.found(imported)["PAYMENT"] == {
        "MATCHED": [2, 7000],
        "AMOUNT_MISMATCH": [1, 2001],
        "LOCAL_ONLY": [1, 3000],
        "CHANNEL_ONLY": [2, 9000],
        "DUPLICATE": [1, 6000],
        "STATUS_MISMATCH": [1, 7000],
    }
    by_trade = {row.trade_no: row for row in StatementDifference.objects.all()}
    assert {trade: (row.verdict, row.channel_cents, row.hall_cents) for trade, row in by_trade.items()} == {
        f"T{wrong.reference}": ("AMOUNT_MISMATCH", 2001, 2000),
        f"T{ours.reference}": ("LOCAL_ONLY", None, 3000),
        "TLOST": ("CHANNEL_ONLY", 4000, None),
        "TSTRANGER": ("CHANNEL_ONLY", 5000, None),
        "TSECOND": ("DUPLICATE", 6000, None),
        "TCLOSED": ("STATUS_MISMATCH", 7000, None),
    }
    assert by_trade["TLOST"].payment == lost
    assert by_trade["TSTRANGER"].payment is None
    assert by_trade["TCLOSED"].detail == "SUCCESS / EXPIRED"
    assert imported.unsettled == {"HELD": 0, "OPEN": 6}
    assert set(DifferenceHistory.objects.values_list("from_state", "to_state")) == {("", "OPEN")}


@GATEWAYS
def test_a_statement_moves_no_money(tmp_path: Path, gateway: str) -> None:
    made.paid(1000, gateway=gateway)
    lost = made.unpaid(4000, gateway=gateway)
    before = (list(Receipt.objects.values()), list(AccountBalance.objects.values()))
    rows = [
        Row("TLOST", lost.reference, 4000),
        Row("TX", "NOTOURS"),
        Row("TX", "NOTOURS", 5, request_no="RX"),
    ]
    made.load(tmp_path, rows, gateway=gateway)
    assert (list(Receipt.objects.values()), list(AccountBalance.objects.values())) == before
    lost.refresh_from_db()
    assert lost.state == "PENDING"
    assert build.books_are_right()


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    _payment, row = made.paid()
    path = made.file(tmp_path, [row, Row("TX", "NOTOURS")])
    first = statements.load(path=path, gateway="alipay", as_of=IMPORTED_AT, actor=made.ACTOR, ask=False)
    again = statements.load(path=path, gateway="alipay", as_of=IMPORTED_AT, actor=made.ACTOR, ask=False)
    assert (first.outcome, again.outcome) == ("IMPORTED", "ALREADY_DONE")
    assert again.statement == first.statement
    assert again.unsettled == {"HELD": 0, "OPEN": 1}
    assert (Statement.objects.count(), StatementLine.objects.count()) == (1, 2)
    packed = made.zipped(tmp_path, {"other name.csv": path.read_bytes()})
    assert (
        statements.load(path=packed, gateway="alipay", as_of=IMPORTED_AT, actor=made.ACTOR).outcome
        == "ALREADY_DONE"
    )


def test_another_file_of_the_day_is_refused_unless_it_is_a_new_version(tmp_path: Path) -> None:
    _payment, row = made.paid()
    made.load(tmp_path, [Row("TX", "NOTOURS")])
    assert len(made.differences(state="OPEN")) == 2
    with pytest.raises(statements.OtherFileOfThatDay):
        made.load(tmp_path, [row])
    assert (Statement.objects.count(), StatementLine.objects.count()) == (1, 1)
    imported = made.load(tmp_path, [row], new_version=True)
    assert (imported.statement.version, made.found(imported)) == (2, {"PAYMENT": {"MATCHED": [1, 2600]}})
    assert made.differences(state="OPEN") == []
    assert StatementLine.objects.count() == 2  # nothing is deleted
    ended = DifferenceHistory.objects.filter(to_state="CLEARED")
    assert set(ended.values_list("reason", flat=True)) == {"newer version"}


def test_other_merchants_and_other_kinds_of_file_stand_beside_it(tmp_path: Path) -> None:
    _first, mine = made.paid(1000, gateway="wechatpay")
    _second, theirs = made.paid(2000, gateway="wechatpay")
    made.load(tmp_path, [mine], gateway="wechatpay")
    assert [row[:2] for row in made.differences(state="OPEN")] == [("LOCAL_ONLY", "OPEN")]
    made.load(tmp_path, [theirs], gateway="wechatpay", merchant="1900000009")
    assert made.differences(state="OPEN") == []
    assert Statement.objects.filter(version=1).count() == 2


def test_the_channels_day_counts_not_ours(tmp_path: Path) -> None:
    """Money of the last second is named only by the next day's file: held, then cleared, and there it is late."""
    payment, row = made.paid(at=moment("23:59:59"))
    imported = made.load(tmp_path, [])
    assert made.found(imported) == {"PAYMENT": {"LOCAL_ONLY": [1, 2600]}}
    assert imported.unsettled == {"HELD": 1, "OPEN": 0}
    later = made.load(tmp_path, [row], day=AFTER)
    assert made.found(later) == {"PAYMENT": {"LATE": [1, 2600]}}
    trade = f"T{payment.reference}"
    assert made.differences() == [("LOCAL_ONLY", "CLEARED", trade), ("LATE", "CLEARED", trade)]


def test_held_money_that_the_neighbour_does_not_name_is_open(tmp_path: Path) -> None:
    made.paid(at=moment("00:00:05"))
    made.paid(at=moment("23:59:59"))
    assert made.load(tmp_path, []).unsettled == {"HELD": 2, "OPEN": 0}
    made.load(tmp_path, [], day=AFTER)
    assert [row[1] for row in made.differences()] == ["HELD", "OPEN"]
    made.load(tmp_path, [], day=BEFORE)
    assert [row[1] for row in made.differences()] == ["OPEN", "OPEN"]


def test_money_of_the_middle_of_the_day_is_not_held(tmp_path: Path) -> None:
    made.paid(at=moment("00:30:00"))
    made.paid(at=moment("23:29:59"))
    assert made.load(tmp_path, []).unsettled == {"HELD": 0, "OPEN": 2}


def test_files_may_come_in_any_order(tmp_path: Path) -> None:
    _payment, row = made.paid(at=moment("23:59:59"))
    assert made.found(made.load(tmp_path, [row], day=AFTER)) == {"PAYMENT": {"LATE": [1, 2600]}}
    assert made.found(made.load(tmp_path, [])) == {}
    assert made.differences(state__in=["OPEN", "HELD"]) == []


def test_the_other_days_money_is_no_difference(tmp_path: Path) -> None:
    made.paid(at=moment(day=BEFORE))
    made.paid(at=moment(day=AFTER))
    made.paid(gateway="wechatpay")
    assert made.found(made.load(tmp_path, [])) == {}


def test_a_later_booking_clears_what_only_the_channel_had(tmp_path: Path) -> None:
    lost = made.unpaid(4000)
    made.load(tmp_path, [Row("TLOST", lost.reference, 4000)])
    assert made.differences() == [("CHANNEL_ONLY", "OPEN", "TLOST")]
    build.apply(lost, build.report(lost, trade_no="TLOST", paid_at=moment()))
    made.load(tmp_path, [], day=AFTER)
    assert made.differences() == [("CHANNEL_ONLY", "CLEARED", "TLOST")]
    assert list(DifferenceHistory.objects.order_by("id").values_list("to_state", "reason")) == [
        ("OPEN", ""),
        ("CLEARED", "booked"),
    ]


def test_another_amount_than_the_order_asked_for_is_told_before_and_after_it_is_booked(
    tmp_path: Path,
) -> None:
    order = made.unpaid(4000)
    made.load(tmp_path, [Row("TMORE", order.reference, 4100)])
    row = StatementDifference.objects.get()
    assert (row.verdict, row.channel_cents, row.hall_cents) == ("AMOUNT_MISMATCH", 4100, 4000)


def test_one_order_paid_by_two_trades_that_we_know(tmp_path: Path) -> None:
    """The second receipt waits for a decision; when it has been made, the difference is gone."""
    payment, row = made.paid()
    build.apply(payment, build.report(payment, trade_no="TAGAIN", paid_at=moment()), as_of=moment())
    made.load(tmp_path, [row, Row("TAGAIN", payment.reference)])
    assert made.differences() == [("DUPLICATE", "OPEN", "TAGAIN")]
    Receipt.objects.filter(trade_no="TAGAIN").update(reviewed_at=IMPORTED_AT)
    made.load(tmp_path, [], day=AFTER)
    assert made.differences() == [("DUPLICATE", "CLEARED", "TAGAIN")]


def test_one_order_paid_by_two_trades_of_which_we_know_none(tmp_path: Path) -> None:
    lost = made.unpaid()
    rows = [Row("TB", lost.reference, at="11:00:00"), Row("TA", lost.reference, at="12:00:00")]
    made.load(tmp_path, [rows[1], rows[0]])
    assert sorted(made.differences()) == [("CHANNEL_ONLY", "OPEN", "TB"), ("DUPLICATE", "OPEN", "TA")]


def test_a_line_that_is_there_twice_is_not_matched_twice(tmp_path: Path) -> None:
    payment, row = made.paid()
    back = refunded(payment, 600)
    imported = made.load(tmp_path, [row, row, back, back])
    assert made.found(imported) == {
        "PAYMENT": {"MATCHED": [1, 2600], "DUPLICATE": [1, 2600]},
        "REFUND": {"MATCHED": [1, 600], "DUPLICATE": [1, 600]},
    }


def test_refunds_that_differ(tmp_path: Path) -> None:
    payment, row = made.paid(at=moment())
    less = refunded(payment, 600, number="RF1")
    other = refunded_more(payment, 500, total=1100, number="RF2")
    unknown = Row(row.trade_no, row.reference, 300, request_no="RF3")
    stranger = Row("TNONE", "NOTOURS", 100, request_no="RF4")
    rows = [row, Row(less.trade_no, less.reference, 700, request_no="RF1"), unknown, stranger]
    imported = made.load(tmp_path, rows)
    assert made.found(imported)["REFUND"] == {
        "AMOUNT_MISMATCH": [1, 700],
        "CHANNEL_ONLY": [2, 400],
        "LOCAL_ONLY": [1, 500],
    }
    local = StatementDifference.objects.get(verdict="LOCAL_ONLY")
    assert (local.request_no, local.hall_cents) == (other.request_no, 500)


def refunded_more(payment: Payment, cents: int, *, total: int, number: str) -> Row:
    told = RefundReport(request_no=number, amount_cents=cents, refunded_at=moment("15:30:00"))
    report = build.report(payment, paid_at=moment(), refunds=(told,), total_refunded_cents=total)
    build.apply(payment, report, as_of=moment("15:30:00"))
    return Row(f"T{payment.reference}", payment.reference, cents, request_no=number, at="15:30:00")


def test_a_refund_that_the_channel_has_not_finished_is_another_state(tmp_path: Path) -> None:
    payment, row = made.paid(gateway="wechatpay")
    back = refunded(payment, 600)
    started = Row(back.trade_no, back.reference, 600, request_no="RF1", at=back.at, status="PROCESSING")
    made.load(tmp_path, [row, started], gateway="wechatpay")
    assert made.differences() == [("STATUS_MISMATCH", "OPEN", row.trade_no)]
    assert StatementDifference.objects.get().detail == "PROCESSING / SUCCEEDED"


def test_a_refund_that_failed_at_the_channel_and_is_none_here_agrees(tmp_path: Path) -> None:
    _payment, row = made.paid(gateway="wechatpay")
    failed = Row(row.trade_no, row.reference, 600, request_no="RF9", status="FAIL")
    imported = made.load(tmp_path, [row, failed], gateway="wechatpay")
    assert made.found(imported) == {"PAYMENT": {"MATCHED": [1, 2600]}, "REFUND": {"MATCHED": [1, 600]}}


def test_refunds_told_as_a_running_total_agree_by_their_sum(tmp_path: Path) -> None:
    payment, row = made.paid()
    for total in (600, 1000):
        told = RefundReport(request_no="RFA", amount_cents=None, refunded_at=moment("15:00:00"))
        report = build.report(payment, paid_at=moment(), refunds=(told,), total_refunded_cents=total)
        build.apply(payment, report, as_of=moment("15:00:00"))
    numbers = sorted(Refund.objects.values_list("request_no", flat=True))
    assert len(numbers) == 2
    known = next(number for number in numbers if "#" not in number)
    rows = [Row(row.trade_no, row.reference, 600, request_no=known, at="15:00:00")]
    rows += [
        Row(row.trade_no, row.reference, cents, request_no=f"X{cents}", at="15:00:00") for cents in (100, 300)
    ]
    imported = made.load(tmp_path, [row, *rows])
    assert made.found(imported) == {"PAYMENT": {"MATCHED": [1, 2600]}, "REFUND": {"MATCHED": [3, 1000]}}


def test_an_empty_day_is_a_statement_too(tmp_path: Path) -> None:
    imported = made.load(tmp_path, [])
    assert (imported.statement.payments, imported.statement.merchant) == (0, made.MERCHANT)
    empty = made.load(tmp_path, [], gateway="wechatpay")
    assert (empty.statement.day, empty.statement.merchant) == (DAY, "")


@pytest.mark.parametrize(
    ("gateway", "rows", "day", "error"),
    [
        ("wechatpay", [], None, statements.DayUnknown),
        ("wechatpay", [Row("A", "A"), Row("B", "B", at="2026-10-02 10:00:00")], None, statements.DayUnknown),
        ("wechatpay", [Row("A", "A")], BEFORE - timedelta(days=1), statements.OtherDay),
        ("alipay", [Row("A", "A")], BEFORE, statements.OtherDay),
        ("alipay", [Row("A", "A", at="2026-10-01 10:00:00")], None, statements.OtherDay),
        ("unionpay", [], None, statements.UnknownChannel),
    ],
)
def test_a_day_that_is_not_clear_is_refused(
    tmp_path: Path, gateway: str, rows: list[Row], day: object, error: type[Exception]
) -> None:
    path = made.file(tmp_path, rows, gateway=gateway)
    with pytest.raises(error):
        statements.load(path=path, gateway=gateway, as_of=IMPORTED_AT, actor=made.ACTOR, day=day)  # type: ignore[arg-type]  # given as it comes
    assert not StatementLine.objects.exists()


def test_a_dry_run_finds_the_same_and_keeps_nothing(tmp_path: Path) -> None:
    _payment, row = made.paid()
    path = made.file(tmp_path, [row, Row("TX", "NOTOURS")])
    dry = statements.load(path=path, gateway="alipay", as_of=IMPORTED_AT, actor=made.ACTOR, dry_run=True)
    assert dry.outcome == "DRY_RUN"
    assert made.found(dry) == {"PAYMENT": {"MATCHED": [1, 2600], "CHANNEL_ONLY": [1, 2600]}}
    assert dry.unsettled == {"HELD": 0, "OPEN": 1}
    for model in (Statement, StatementLine, StatementDifference, AuditRow):
        assert not model.objects.exists()


def test_the_channels_own_hash_is_checked(tmp_path: Path) -> None:
    path = made.file(tmp_path, [])
    with pytest.raises(statements.OtherHash):
        statements.load(path=path, gateway="alipay", as_of=IMPORTED_AT, actor=made.ACTOR, sha1="0" * 40)
    assert not Statement.objects.exists()


def test_a_file_that_breaks_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    rows = [Row(f"T{n}", f"H{n}") for n in range(5_000)]
    text = made.alipay_text(rows).replace("H4990\t,交易", "H4990\t,什么")
    path = tmp_path / "broken.csv"
    path.write_bytes(text.encode("gb18030"))
    with pytest.raises(Exception, match="4996"):
        statements.load(path=path, gateway="alipay", as_of=IMPORTED_AT, actor=made.ACTOR)
    assert not StatementLine.objects.exists()
    assert not Statement.objects.exists()


def test_staff_close_what_was_dealt_with_elsewhere(tmp_path: Path) -> None:
    made.load(tmp_path, [Row("TX", "NOTOURS")])
    row = StatementDifference.objects.get()
    statements.close(difference_id=row.pk, reason="已退款", actor=made.ACTOR, as_of=IMPORTED_AT)
    row.refresh_from_db()
    assert (row.state, row.ended_at) == ("CLOSED", IMPORTED_AT)
    assert DifferenceHistory.objects.filter(difference=row, to_state="CLOSED", reason="已退款").exists()
    with pytest.raises(IllegalTransition):
        statements.close(difference_id=row.pk, reason="再次", actor=made.ACTOR, as_of=IMPORTED_AT)
    assert DifferenceHistory.objects.filter(difference=row).count() == 2


def test_the_machine_ends_where_a_person_or_a_booking_ended_it() -> None:
    assert DIFFERENCE_MACHINE.end_states == {DifferenceState.CLEARED, DifferenceState.CLOSED}


@pytest.mark.parametrize("receipts_known", [0, 1_000_000])
def test_both_ways_to_the_receipts_find_the_same(
    tmp_path: Path, receipts_known: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the planner is told to read whole tables or to look up, the classes are the same."""
    monkeypatch.setattr(
        "billing.services.statements.statement_matching._WHOLE_TABLES_FROM", 0.0 if receipts_known else 1e12
    )
    rows = [made.paid(1000 + n)[1] for n in range(5)]
    made.paid(7)
    imported = made.load(
        tmp_path, [*rows[:4], Row(rows[4].trade_no, rows[4].reference, 1), Row("TX", "NOTOURS")]
    )
    assert made.found(imported)["PAYMENT"] == {
        "MATCHED": [4, 4006],
        "AMOUNT_MISMATCH": [1, 1],
        "CHANNEL_ONLY": [1, 2600],
        "LOCAL_ONLY": [1, 7],
    }
