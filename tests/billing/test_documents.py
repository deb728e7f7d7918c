"""Bills and receipts on paper, read back with another library: what they say, in which fonts, and how fast."""

import json
import re
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pypdfium2
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount
from billing.documents import bill_pdf, paper, receipt_pdf
from billing.documents.paper import Due, Paper, Table
from billing.models import Bill
from billing.services.bills import adjustments, bills
from tests.billing import build
from tests.conftest import NOON
from tests.shared_data import require


def pages(content: bytes) -> list[str]:
    """The text of each page."""
    with pypdfium2.PdfDocument(content) as opened:
        return [page.get_textpage().get_text_range() for page in opened]


def squeezed(text: str) -> str:
    """Without spaces and the like: a reader of PDFs takes the air between Chinese and digits for spaces."""
    return re.sub(r"[\s\u200b-\u200d\ufffe\ufeff]+", "", unicodedata.normalize("NFKC", text))


def says(content: bytes) -> str:
    return squeezed("".join(pages(content)))


def sheet(**changes: Any) -> Paper:
    plain = Paper(
        language="zh-hans",
        title="十一月账单",
        number="B1",
        issuer="网上营业厅",
        footer="B1",
        pages="第 {page} 页，共 {pages} 页",
        at=NOON,
    )
    return replace(plain, **changes)


def lines(texts: Sequence[str]) -> Paper:
    return sheet(tables=[Table("收费明细", ("项目", "金额"), [(text, "¥1.00") for text in texts])])


@pytest.fixture
def account(db: None) -> BillingAccount:
    found = build.account(build.user())
    found.customer.name = "欧阳𠮷㛃"
    found.customer.save(update_fields=["name"])
    return found


@pytest.fixture
def bill(account: BillingAccount) -> Bill:
    return bills.issue(
        account_id=account.pk,
        lines=[
            bills.Line("BASIC", "基本收视维护费", 2600),
            bills.Line("VOD", "点播：#set page(fill: red) *粗* <b>", 900),
            bills.Line("DISCOUNT", "老客户优惠", -500),
        ],
        issued_on=date(2026, 11, 1),
        due_on=date(2026, 11, 30),
        source="test",
        source_number="1",
        period="2026-11",
        as_of=NOON,
    )


def test_a_bill_says_everything_that_its_page_says(bill: Bill) -> None:
    paid = build.payment(bill.account, 1000, first=bill)
    build.apply(paid, build.report(paid))
    adjustments.adjust(bill_id=bill.pk, amount_cents=300, reason="多收", actor=build.ACTOR, as_of=NOON)
    bill.refresh_from_db()
    text = says(bill_pdf(bill, language="zh-hans", as_of=NOON))
    for said in (
        "2026年11月账单",
        bill.number,
        bill.account.number,
        "欧阳𠮷㛃",
        "基本收视维护费¥26.00",
        "点播:#setpage(fill:red)*粗*<b>¥9.00",
        "老客户优惠-¥5.00",
        "合计¥30.00",
        "调账减免-¥3.00",
        "已缴-¥10.00",
        "还应缴¥17.00",
        paid.receipts.get().number,
        "支付宝",
        "请在2026年11月30日前缴费",
        "扫码,登录后缴费",
        "第1页,共1页",
    ):
        assert squeezed(said) in text, said


def test_a_late_bill_says_what_being_late_costs_and_how_it_is_reckoned(bill: Bill) -> None:
    late = NOON + timedelta(days=22)  # 2026-12-10: ten days after the due day
    text = says(bill_pdf(bill, language="zh-hans", as_of=late))
    assert "2026年11月30日已到期,请尽快缴费" in text
    assert "违约金计算" in text
    assert "2026年12月1日–2026年12月10日¥30.00103‰" in text
    assert "含违约金¥0.90,算到2026年12月10日" in text
    assert "还应缴¥30.90" in text


def test_a_paid_bill_asks_for_nothing(bill: Bill) -> None:
    paid = build.payment(bill.account, 3000, first=bill)
    build.apply(paid, build.report(paid))
    bill.refresh_from_db()
    text = says(bill_pdf(bill, language="zh-hans", as_of=NOON))
    assert "已缴清" in text
    assert "还应缴¥0.00" in text
    assert "扫码" not in text


def test_in_english_nothing_but_the_operators_own_words_is_chinese(bill: Bill) -> None:
    bill.account.customer.name = "Zhang San"
    text = "".join(pages(bill_pdf(bill, language="en", as_of=NOON)))
    for line in bill.lines.all():
        text = text.replace(line.text, "")
    assert "November 2026" in text
    assert squeezed("30 Nov 2026") in squeezed(text)


def test_a_receipt_says_what_its_money_was_used_for(bill: Bill) -> None:
    paid = build.payment(bill.account, 5000, first=bill)
    build.apply(paid, build.report(paid))
    receipt = paid.receipts.get()
    text = says(receipt_pdf(receipt, language="zh-hans", as_of=NOON))
    for said in (
        "缴费收据",
        receipt.number,
        receipt.trade_no,
        "已收¥50.00",
        f"2026年11月账单{bill.number}¥30.00",
        "存入账户余额¥20.00",
        "合计¥50.00",
        "不是发票",
    ):
        assert squeezed(said) in text, said


def test_the_same_bill_in_the_same_state_is_the_same_file_all_day(bill: Bill) -> None:
    first = bill_pdf(bill, language="zh-hans", as_of=NOON)
    assert bill_pdf(bill, language="zh-hans", as_of=NOON + timedelta(hours=3)) == first
    assert bill_pdf(bill, language="zh-hans", as_of=NOON + timedelta(days=1)) != first


def test_a_long_bill_has_numbered_pages_and_its_heading_on_each() -> None:
    found = pages(paper.pdf(lines([f"第{i}次点播" for i in range(500)])))
    assert len(found) > 5
    for number, text in enumerate(found, start=1):
        assert f"第{number}页,共{len(found)}页" in squeezed(text)
        assert "项目金额" in squeezed(text)
    together = squeezed("".join(found))
    assert all(f"第{i}次点播¥1.00" in together for i in range(500))


def hostile(name: str) -> list[str]:
    values = json.loads(require(f"hostile/{name}").read_text(encoding="utf-8"))
    assert isinstance(values, list)
    return values


def test_rare_characters_of_names_are_shown_and_none_is_a_box() -> None:
    for name in hostile("zh_names_edge.json"):
        content = paper.pdf(lines([name]))
        assert not has_boxes(content), name
        if name != "﷽":  # one character that reads as four words
            assert squeezed(paper.plain(name)) in says(content), name


def test_a_character_that_no_font_has_costs_a_box_and_the_standard_but_not_the_paper() -> None:
    content = paper.pdf(lines(["王𒀀", "李四"]))
    assert has_boxes(content)
    assert "李四" in says(content)


def has_boxes(content: bytes) -> bool:
    """PDF/UA allows no character that a font lacks; Typst refuses to say that such a paper conforms."""
    return b"pdfuaid:part" not in content


def test_markup_of_any_kind_is_plain_text() -> None:
    """The Big List of Naughty Strings, as the items of a bill."""
    naughty = hostile("blns.json")
    text = says(paper.pdf(lines(naughty)))
    for value in naughty:
        if value.isascii():
            assert squeezed(paper.plain(value)) in text, value


@pytest.mark.parametrize(
    "text",
    [
        '#import "paper.typ"',
        '#read("/etc/passwd")',
        "#panic()",
        "$ x^2 $ = 标题 *粗* _斜_ `代码` @引用 <标签>",
        "\\u{1F600} \\ // 注释 /* 注释 */",
        "<script>alert(1)</script>{{ 7*7 }}{% now %}",
    ],
)
def test_typst_is_never_obeyed(text: str) -> None:
    assert squeezed(text) in says(paper.pdf(lines([text])))


def test_what_hides_or_reverses_is_left_out() -> None:
    assert paper.plain("张\u202e三\u200b李\n四\t\x00五\u2028六") == "张三李 四 五 六"
    assert paper.plain("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧"


def test_a_word_without_end_stays_in_its_column() -> None:
    content = paper.pdf(lines(["x" * 200]))
    with pypdfium2.PdfDocument(content) as opened:
        page = opened[0]
        right = max(page.get_textpage().get_charbox(i)[2] for i in range(page.get_textpage().count_chars()))
        assert right < page.get_width() - 40
    assert "x" * 200 in says(content)


def test_the_file_names_its_title_and_carries_its_fonts() -> None:
    content = paper.pdf(sheet(due=Due("应缴", "¥1.00", (), "https://hall.example/pay/?bill=B1", "扫码")))
    with pypdfium2.PdfDocument(content) as opened:
        assert opened.get_metadata_value("Title") == "十一月账单 B1"
        assert opened.get_metadata_value("Author") == "网上营业厅"
        width, height = opened[0].get_size()
    assert (round(width), round(height)) == (595, 842)  # A4
    assert b"NotoSansCJK" in content
    assert re.search(rb"/FontFile[23]?\b", content)


def test_many_threads_make_papers_side_by_side() -> None:
    made: dict[int, bytes] = {}

    def make(i: int) -> None:
        made[i] = paper.pdf(lines([f"第{i}张"]))

    threads = [threading.Thread(target=make, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"第{i}张" in says(made[i]) for i in range(8))
    assert made[3] == paper.pdf(lines(["第3张"]))


@pytest.fixture
def alice(bill: Bill) -> Client:
    client = Client()
    client.force_login(bill.account.memberships.get().user)
    return client


def test_the_customer_gets_his_bill_and_receipt(alice: Client, bill: Bill) -> None:
    answer = alice.get(reverse("billing:bill_pdf", args=[bill.number]))
    assert answer.headers["Content-Type"] == "application/pdf"
    assert f'filename="{bill.number}.pdf"' in answer.headers["Content-Disposition"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert squeezed(bill.number) in says(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    paid = build.payment(bill.account, 1000, first=bill)
    build.apply(paid, build.report(paid))
    receipt = paid.receipts.get()
    answer = alice.get(reverse("billing:receipt_pdf", args=[receipt.number]))
    assert f'filename="{receipt.number}.pdf"' in answer.headers["Content-Disposition"]


def test_the_paper_is_in_the_readers_language(alice: Client, bill: Bill) -> None:
    alice.cookies["django_language"] = "en"
    answer = alice.get(reverse("billing:bill_pdf", args=[bill.number]))
    assert "November2026" in says(b"".join(answer.streaming_content))  # type: ignore[attr-defined]


def test_bob_gets_404_for_papers(bill: Bill) -> None:
    bob = Client()
    bob.force_login(build.user())
    assert bob.get(reverse("billing:bill_pdf", args=[bill.number])).status_code == 404
    assert bob.get(reverse("billing:receipt_pdf", args=["R1"])).status_code == 404
    assert Client().get(reverse("billing:bill_pdf", args=[bill.number])).status_code == 302
