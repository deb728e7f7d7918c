"""import_statement as an operator runs it, and what is asked of the channel afterwards."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.models import Payment, Receipt, Statement, StatementDifference, StatementLine
from billing.services.statements import statements
from core import clock
from core.actor import Actor
from core.models import Heartbeat
from tests.billing import build
from tests.billing import statements_build as made
from tests.billing.channels import Channels, Order
from tests.billing.statements_build import DAY, IMPORTED_AT, Row
from tests.shared_data import require

pytestmark = pytest.mark.django_db


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> Channels:
    found = Channels()
    found.speak_to(monkeypatch)
    return found


def run(*args: object) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("import_statement", *(str(arg) for arg in args), "--json", stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_a_day_that_agrees_ends_with_zero(tmp_path: Path) -> None:
    _payment, row = made.paid()
    path = made.file(tmp_path, [row])
    code, told = run("--gateway", "alipay", path)
    assert code == 0
    assert (told["outcome"], told["date"], told["lines"], told["open"]) == ("IMPORTED", str(DAY), 1, 0)
    assert told["counts"]["PAYMENT"]["MATCHED"] == [1, 2600]
    code, told = run("--gateway", "alipay", path)
    assert (code, told["outcome"]) == (0, "ALREADY_DONE")


def test_a_day_that_differs_ends_with_three(tmp_path: Path) -> None:
    path = made.file(tmp_path, [Row("TX", "NOTOURS")])
    assert run("--gateway", "alipay", path, "--dry-run")[0] == 3
    assert not Statement.objects.exists()
    code, told = run("--gateway", "alipay", path)
    assert (code, told["open"], told["counts"]["PAYMENT"]["CHANNEL_ONLY"]) == (3, 1, [1, 2600])
    assert run("--gateway", "alipay", path)[0] == 3  # it still differs


def test_money_that_is_only_held_ends_with_zero(tmp_path: Path) -> None:
    made.paid(at=made.moment("23:59:59"))
    code, told = run("--gateway", "alipay", made.file(tmp_path, []))
    assert (code, told["open"], told["held"]) == (0, 0, 1)


def test_a_refusal_ends_with_one_and_its_code(tmp_path: Path) -> None:
    path = tmp_path / "hello.csv"
    path.write_text("hello")
    assert run("--gateway", "alipay", path) == (
        1,
        {
            "outcome": "REFUSED",
            "code": "STATEMENT_UNKNOWN_LAYOUT",
            "message": "这不是已知格式的对账单：开头不是支付宝业务明细或微信支付交易账单",
        },
    )
    with pytest.raises(CommandError, match="STATEMENT_UNKNOWN_LAYOUT"):
        call_command("import_statement", str(path), "--gateway", "alipay")


def test_what_people_read(tmp_path: Path) -> None:
    out = io.StringIO()
    path = made.file(tmp_path, [Row("TX", "NOTOURS")])
    with pytest.raises(SystemExit):
        call_command("import_statement", str(path), "--gateway", "alipay", stdout=out)
    text = out.getvalue()
    assert f"IMPORTED: alipay {DAY} {made.MERCHANT} v1" in text
    assert "CHANNEL_ONLY" in text
    assert "¥26.00" in text


def test_the_options_of_days_and_versions(tmp_path: Path) -> None:
    empty = made.file(tmp_path, [], gateway="wechatpay")
    assert run("--gateway", "wechatpay", empty)[1]["code"] == "STATEMENT_DAY_UNKNOWN"
    assert run("--gateway", "wechatpay", empty, "--date", DAY)[0] == 0
    first = made.file(tmp_path, [])
    second = made.file(tmp_path, [Row("TX", "NOTOURS")])
    assert run("--gateway", "alipay", first)[0] == 0
    assert run("--gateway", "alipay", second)[1]["code"] == "STATEMENT_OTHER_FILE"
    assert run("--gateway", "alipay", second, "--new-version", "--no-ask")[1]["version"] == 2
    assert run("--gateway", "alipay", first, "--sha1", "0" * 40)[1]["code"] == "STATEMENT_OTHER_HASH"
    with pytest.raises(CommandError):
        call_command("import_statement", str(first), "--gateway", "alipay", "--date", "3.10.2026")
    with pytest.raises(CommandError):
        call_command("import_statement", str(first), "--gateway", "cash")


@pytest.mark.parametrize(
    ("name", "gateway", "lines"),
    [
        ("alipay/bill_20880000000000010156_20190916.csv.zip", "alipay", 10),
        ("alipay/bill_trade_detail_empty_day_gbk.csv", "alipay", 0),
        ("wechat/tradebill_success_20191103.csv", "wechatpay", 19),
        ("wechat/tradebill_all_20240116_partial_refunds.csv", "wechatpay", 3),
        ("wechat/tradebill_refund_20180821_old_columns.csv", "wechatpay", 3),
        ("wechat/tradebill_all_20141110_fullwidth_colons.csv", "wechatpay", 2),
    ],
)
def test_real_files_are_imported_and_classed(name: str, gateway: str, lines: int) -> None:
    code, told = run("--gateway", gateway, require(f"payments/{name}"), "--no-ask")
    assert (code, told["lines"], told["open"]) == (3 if lines else 0, lines, lines)
    classes = [verdicts.get("CHANNEL_ONLY", [0, 0])[0] for verdicts in told["counts"].values()]
    assert sum(classes) == lines


def test_everything_hostile_is_refused_quickly_and_leaves_nothing() -> None:
    hostile = [*require("hostile").iterdir(), *require("payments/signed-selftest").glob("*.*")]
    hostile += [require("payments/wechat/fundflow_20210201.csv")]
    for path in hostile:
        for gateway in ("alipay", "wechatpay"):
            started = time.monotonic()
            code, told = run("--gateway", gateway, path)
            assert (code, told["outcome"]) == (1, "REFUSED"), path
            assert time.monotonic() - started < 10
    assert not StatementLine.objects.exists()


@pytest.mark.parametrize("gateway", ["alipay", "wechatpay"])
def test_money_for_our_order_is_asked_about_and_booked_by_the_channels_own_word(
    tmp_path: Path, channels: Channels, gateway: str
) -> None:
    lost = made.unpaid(4000, gateway=gateway)
    there = Order(gateway, lost.reference, 4000)
    channels.orders[lost.reference] = there
    imported = made.load(tmp_path, [Row(there.trade_no(), lost.reference, 4000)], gateway=gateway, ask=True)
    assert (imported.asked, imported.unsettled) == (1, {"HELD": 0, "OPEN": 0})
    assert made.differences() == [("CHANNEL_ONLY", "CLEARED", there.trade_no())]
    assert Payment.objects.get(pk=lost.pk).state == "SUCCEEDED"
    assert Receipt.objects.get().trade_no == there.trade_no()
    assert build.books_are_right()


def test_what_the_channel_does_not_confirm_is_not_booked(tmp_path: Path, channels: Channels) -> None:
    lost = made.unpaid(4000)
    imported = made.load(tmp_path, [Row("TFORGED", lost.reference, 4000)], ask=True)
    assert (imported.asked, imported.unsettled["OPEN"]) == (0, 1)
    assert not Receipt.objects.exists()


def test_a_channel_that_is_away_leaves_it_for_later(tmp_path: Path, alipay_keys: None) -> None:
    lost = made.unpaid(4000)
    imported = made.load(tmp_path, [Row("TLOST", lost.reference, 4000)], ask=True)
    assert (imported.asked, made.differences()) == (0, [("CHANNEL_ONLY", "OPEN", "TLOST")])
    row = StatementDifference.objects.get()
    with pytest.raises(statements.CannotAsk):
        statements.ask_about(difference_id=row.pk, as_of=IMPORTED_AT, actor=Actor("test:staff"))


def test_staff_ask_about_an_order_that_is_not_ours_and_the_money_waits_in_suspense(
    tmp_path: Path, channels: Channels
) -> None:
    stranger = Order("alipay", "NOTOURS001", 5000)
    channels.orders[stranger.reference] = stranger
    imported = made.load(tmp_path, [Row(stranger.trade_no(), stranger.reference, 5000)], ask=True)
    assert imported.asked == 0  # only staff do
    row = StatementDifference.objects.get()
    state = statements.ask_about(difference_id=row.pk, as_of=IMPORTED_AT, actor=Actor("test:staff"))
    assert state == "CLEARED"
    receipt = Receipt.objects.get()
    assert (receipt.review_reason, receipt.amount_cents) == ("UNKNOWN_ORDER", 5000)
    assert build.books_are_right()


def test_nothing_is_asked_about_money_that_the_channel_does_not_name(tmp_path: Path) -> None:
    made.paid()
    made.load(tmp_path, [])
    row = StatementDifference.objects.get()
    with pytest.raises(statements.CannotAsk):
        statements.ask_about(difference_id=row.pk, as_of=IMPORTED_AT, actor=Actor("test:staff"))


def test_each_channel_has_a_heartbeat_that_a_dry_run_does_not_touch(tmp_path: Path) -> None:
    path = made.file(tmp_path, [])
    run("--gateway", "alipay", path, "--dry-run")
    assert not Heartbeat.objects.filter(job__startswith="import_statement").exists()
    run("--gateway", "alipay", path)
    assert Heartbeat.objects.get(job="import_statement_alipay").last_ok
    (tmp_path / "bad.csv").write_text("hello")
    run("--gateway", "alipay", tmp_path / "bad.csv")
    assert not Heartbeat.objects.get(job="import_statement_alipay").last_ok


def test_the_clock_of_the_command_is_the_one_clock(tmp_path: Path) -> None:
    with clock.stopped(IMPORTED_AT):
        run("--gateway", "alipay", made.file(tmp_path, []))
    assert Statement.objects.get().imported_at == IMPORTED_AT
