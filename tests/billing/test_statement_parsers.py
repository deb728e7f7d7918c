"""The channels' files, line by line: every published layout is read, and whatever does not add up is refused."""

from datetime import date
from pathlib import Path

import pytest

from billing.statements import base, reader
from billing.statements.base import Coverage, Line, LineKind, StatementError, Summary, Totals
from tests.billing import statements_build as made
from tests.billing.statements_build import DAY, Row
from tests.shared_data import require


def read(path: Path, gateway: str) -> tuple[list[Line], Summary]:
    with reader.opened(path, gateway=gateway) as opened:
        return list(opened.reader), opened.reader.summary


def refused(path: Path, gateway: str = "alipay") -> StatementError:
    with pytest.raises(StatementError) as caught:
        read(path, gateway)
    return caught.value


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "statement.csv"
    path.write_bytes(text.encode(encoding))
    return path


ROWS = [
    Row("2026100322001400000000000001", "H202610030001", 2600),
    Row("2026100322001400000000000001", "H202610030001", 600, request_no="R202610030001", at="15:00:02"),
]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig"])
def test_alipay_is_read_in_each_charset(tmp_path: Path, encoding: str) -> None:
    lines, summary = read(written(tmp_path, made.alipay_text(ROWS), encoding), "alipay")
    trade_no, reference = ROWS[0].trade_no, ROWS[0].reference
    assert lines == [
        Line(
            *(
                6,
                LineKind.PAYMENT,
                trade_no,
                reference,
                "",
                2600,
                -16,
                "2026-10-03T10:11:20+08:00",
                "SUCCESS",
                "",
            ),
            "基本收视维护费",
        ),
        Line(
            *(
                7,
                LineKind.REFUND,
                trade_no,
                reference,
                "R202610030001",
                600,
                -16,
                "2026-10-03T15:00:02+08:00",
            ),
            *("SUCCESS", "", "基本收视维护费"),
        ),
    ]
    assert summary == Summary(made.MERCHANT, DAY, (DAY,), Coverage.ALL, Totals(1, 2600, 1, 600, -32))


def test_wechat_is_cut_at_comma_and_tick_so_that_a_product_may_hold_a_comma(tmp_path: Path) -> None:
    row = Row("4200000000000000000000000001", "H202610030002", product="高清包,12个月")
    lines, summary = read(written(tmp_path, made.wechat_text([row, ROWS[1]])), "wechatpay")
    assert [line.product for line in lines] == ["高清包,12个月", "基本收视维护费"]
    assert lines[1].request_no == "R202610030001"
    assert lines[0].app_id == "wx0000000000000000"
    # Two fees of 0.6 fen are 1.2 fen: rounded once.
    assert summary == Summary(made.MCH, None, (DAY,), Coverage.ALL, Totals(1, 2600, 1, 600, 1))


@pytest.mark.parametrize("product", ["套餐,一年", '"套餐,一年"', "a,b,c,d", "套餐"])
def test_commas_in_an_alipay_product_do_not_move_the_columns(tmp_path: Path, product: str) -> None:
    text = made.alipay_text([Row("2026100300001", "H1", product=product)])
    lines, _summary = read(written(tmp_path, text, "gb18030"), "alipay")
    assert lines[0].product == product.strip('"')
    assert (lines[0].amount_cents, lines[0].finished_at) == (2600, "2026-10-03T10:11:20+08:00")


def test_columns_go_by_name_not_by_place(tmp_path: Path) -> None:
    lines = made.alipay_text([Row("2026100300001", "H1", 1234)]).splitlines()
    turned = [",".join(reversed(line.split(","))) if n in (4, 5) else line for n, line in enumerate(lines)]
    (line,), _summary = read(written(tmp_path, "\n".join(turned)), "alipay")
    assert (line.trade_no, line.reference, line.amount_cents) == ("2026100300001", "H1", 1234)


@pytest.mark.parametrize(
    ("said", "instead", "code"),
    [
        ("交易合计：1笔", "交易合计：2笔", "STATEMENT_TOTALS_DIFFER"),
        ("商家实收共26.00元", "商家实收共26.01元", "STATEMENT_TOTALS_DIFFER"),
        ("商家实收退款共-6.00元", "商家实收退款共6.00元", "STATEMENT_TOTALS_DIFFER"),
        ("商家优惠共0.00元", "商家优惠共0.10元", "STATEMENT_TOTALS_DIFFER"),
        ("#交易合计", "#别的合计", "STATEMENT_CUT_OFF"),
        ("#退款合计", "#别的合计", "STATEMENT_CUT_OFF"),
        ("业务明细列表结束", "业务明细列表", "STATEMENT_CUT_OFF"),
        (",26.00,26.00,", ",26.001,26.00,", "STATEMENT_BAD_ROW"),
        (",26.00,26.00,", ",NaN,26.00,", "STATEMENT_BAD_ROW"),
        (",26.00,26.00,", ",１.00,26.00,", "STATEMENT_BAD_ROW"),
        (",26.00,26.00,", ",-26.00,26.00,", "STATEMENT_BAD_ROW"),
        (",交易,", ",转账,", "STATEMENT_BAD_ROW"),
        ("10:11:20", "25:11:20", "STATEMENT_BAD_ROW"),
        ("2026-10-03 10", "2026-02-30 10", "STATEMENT_BAD_ROW"),
        ("H202610030001", "H" * 65, "STATEMENT_BAD_ROW"),
        (",交易,", ",", "STATEMENT_BAD_ROW"),
        ("#导出时间", "2026,1", "STATEMENT_BAD_ROW"),
        ("#退款合计：1笔，商家实收退款共-6.00", "#退款合计：1笔，商家实收退款共-6.001", "STATEMENT_BAD_ROW"),
        ("#退款合计：1", f"#退款合计：{'9' * 5000}", "STATEMENT_BAD_ROW"),
        ("完成时间", "结束时间", "STATEMENT_UNKNOWN_LAYOUT"),
        ("#账号", "#帐号", "STATEMENT_UNKNOWN_LAYOUT"),
        ("终止日期：[2026年10月04日", "终止日期：[2026年11月03日", "STATEMENT_NOT_ONE_DAY"),
    ],
)
def test_an_alipay_file_that_does_not_add_up_is_refused(
    tmp_path: Path, said: str, instead: str, code: str
) -> None:
    text = made.alipay_text(ROWS)
    assert said in text
    assert refused(written(tmp_path, text.replace(said, instead), "gb18030")).code == code


@pytest.mark.parametrize(
    ("said", "instead", "code"),
    [
        ("`2,`26.00", "`3,`26.00", "STATEMENT_TOTALS_DIFFER"),
        ("`2,`26.00", "`2,`26.10", "STATEMENT_TOTALS_DIFFER"),
        ("`0.01200", "`0.01201", "STATEMENT_TOTALS_DIFFER"),
        ("总交易单数", "总数", "STATEMENT_CUT_OFF"),
        ("`CNY", "`USD", "STATEMENT_BAD_ROW"),
        ("`REFUND", "`WHAT", "STATEMENT_BAD_ROW"),
        ("`2026-10-03 10:11:20", "2026-10-03 10:11:20", "STATEMENT_CUT_OFF"),
        ("`OTHERS,`CNY", "`CNY", "STATEMENT_BAD_ROW"),
        ("微信退款单号", "商户退款单号", "STATEMENT_UNKNOWN_LAYOUT"),
        ("手续费,", "费用,", "STATEMENT_UNKNOWN_LAYOUT"),
    ],
)
def test_a_wechat_file_that_does_not_add_up_is_refused(
    tmp_path: Path, said: str, instead: str, code: str
) -> None:
    text = made.wechat_text(ROWS)
    assert said in text
    assert refused(written(tmp_path, text.replace(said, instead, 1)), "wechatpay").code == code


def test_what_was_said_and_what_was_counted_are_both_told(tmp_path: Path) -> None:
    text = made.alipay_text(ROWS).replace("商家实收共26.00元", "商家实收共26.10元")
    error = refused(written(tmp_path, text))
    assert isinstance(error, base.TotalsDiffer)
    assert "26.1" in error.text
    assert "26.0" in error.text


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    for text, gateway in ((made.alipay_text(ROWS), "alipay"), (made.wechat_text(ROWS), "wechatpay")):
        lines = text.splitlines(keepends=True)
        whole = len(lines) - (3 if gateway == "alipay" else 0)  # the time of export says nothing
        for kept in range(1, whole):
            refused(written(tmp_path, "".join(lines[:kept])), gateway)


def test_two_merchants_in_one_file_are_refused(tmp_path: Path) -> None:
    text = made.wechat_text(ROWS)
    second = text.replace(made.MCH, "1900000001", 1)
    assert refused(written(tmp_path, second), "wechatpay").code == "STATEMENT_MIXED_MERCHANTS"


def test_the_file_of_another_channel_is_named(tmp_path: Path) -> None:
    for text, gateway in ((made.alipay_text(ROWS), "wechatpay"), (made.wechat_text(ROWS), "alipay")):
        assert refused(written(tmp_path, text), gateway).code == "STATEMENT_OTHER_CHANNEL"


def test_a_text_in_no_charset_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(made.alipay_text(ROWS).encode("gb18030").replace("基".encode("gb18030"), b"\xff\xff"))
    assert refused(path).code == "STATEMENT_UNREADABLE"


@pytest.mark.parametrize(
    "name", ["bill_trade_detail_20190916_gbk.csv", "bill_trade_detail_20190916_utf8.csv"]
)
def test_a_real_alipay_day(name: str) -> None:
    lines, summary = read(require(f"payments/alipay/{name}"), "alipay")
    day = date(2019, 9, 16)
    assert summary == Summary("20880000000000010156", day, (day,), Coverage.ALL, Totals(6, 6, 4, 4, 0))
    assert lines[1].request_no == "re_test_1568602607356"
    assert lines[8].product == "物业订单88100011909161658423172"


def test_a_real_alipay_zip_is_the_same_day() -> None:
    packed = read(require("payments/alipay/bill_20880000000000010156_20190916.csv.zip"), "alipay")
    assert packed == read(require("payments/alipay/bill_trade_detail_20190916_gbk.csv"), "alipay")


def test_a_real_alipay_day_without_trades() -> None:
    lines, summary = read(require("payments/alipay/bill_trade_detail_empty_day_gbk.csv"), "alipay")
    assert (lines, summary.totals, summary.day) == ([], Totals(), date(2019, 9, 17))


@pytest.mark.parametrize(
    ("name", "totals", "coverage", "day"),
    [
        ("tradebill_success_20191103.csv", Totals(19, 19), Coverage.PAYMENTS, date(2019, 11, 3)),
        ("tradebill_all_20240116_partial_refunds.csv", Totals(1, 2, 2, 2), Coverage.ALL, date(2024, 1, 16)),
        (
            "tradebill_refund_20180821_old_columns.csv",
            Totals(0, 0, 3, 3),
            Coverage.REFUNDS,
            date(2018, 8, 21),
        ),
        ("tradebill_all_20141110_fullwidth_colons.csv", Totals(2, 2), Coverage.ALL, date(2014, 11, 10)),
    ],
)
def test_each_real_wechat_layout(name: str, totals: Totals, coverage: Coverage, day: date) -> None:
    lines, summary = read(require(f"payments/wechat/{name}"), "wechatpay")
    assert (summary.totals, summary.coverage, summary.days) == (totals, coverage, (day,))
    assert len(lines) == totals.lines
    assert all(bool(line.request_no) is (line.kind == LineKind.REFUND) for line in lines)


@pytest.mark.parametrize(
    "name",
    ["payments/alipay/bill_fund_detail_20121229_excerpt_gbk.csv", "payments/wechat/fundflow_20210201.csv"],
)
def test_a_fund_flow_is_told_from_a_statement(name: str) -> None:
    for gateway in reader.CHANNELS:
        assert refused(require(name), gateway).code == "STATEMENT_FUND_FLOW"
