"""Letters: on one list, posted with a proof, delivered seven days later, or come back."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pypdfium2
import pytest
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core import clock
from core.actor import Actor
from core.errors import NotFound
from core.models import AuditRow, OutboxRow, Upload
from core.scopes import everything
from notices import letter_papers, tasks
from notices.models import Channel, Delivery, DeliveryReceipt, LetterList
from notices.services import bulk_messages, fallbacks, letters, messages, retries, sending
from tests.conftest import NOON
from tests.core.test_uploads import picture
from tests.notices import build
from tests.threads import together

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
POSTED = date(2026, 11, 19)
CLERK = Actor("user:7")


@pytest.fixture(autouse=True)
def text(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT, settings.UPLOAD_SCANNER = tmp_path, "off"
    build.template("您好：\n已收到 {{ amount }}。", version=90, channel=Channel.LETTER, title="缴费通知")


def address(n: int) -> messages.Address:
    return messages.Address("LETTER", f"王小明{n}\n幸福路 {n} 号\n310000")


def letter(n: int = 1) -> Delivery:
    return build.send(address(n)).deliveries.get()


def printed(*, as_of: datetime = NOON) -> LetterList:
    return letters.print_list(sight=everything, region_ref="", actor=CLERK, as_of=as_of)


def local_day(moment: datetime | None) -> date:
    assert moment is not None
    return clock.local_date(moment)


def proof() -> letters.Proof:
    return letters.Proof("receipt.png", [picture()])


def post(listed: LetterList, *, on: date = POSTED, as_of: datetime = NOON + DAY) -> LetterList:
    return letters.register_posting(list_id=listed.pk, posted_on=on, proof=proof(), actor=CLERK, as_of=as_of)


def test_what_waits_is_printed_on_a_list() -> None:
    rows = [letter(n) for n in range(3)]
    listed = printed()
    assert listed.number == f"XJ20261118{listed.pk:06d}"
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.letter_list_id, row.provider, row.sent_at) == ("SENT", listed.pk, "post", NOON)
        assert row.tries.get().provider == "post"
    audit = AuditRow.objects.get(action="letters.print")
    assert (audit.actor, audit.detail) == ("user:7", {"letters": 3})


def test_with_nothing_to_print_there_is_no_list() -> None:
    with pytest.raises(letters.NothingToPrint):
        printed()
    assert not LetterList.objects.exists()


def test_a_letter_that_is_needed_no_more_is_not_printed() -> None:
    message = messages.send(
        code="payment_received",
        recipient_ref="account:1",
        addresses=[build.PHONE],
        context=build.PAID,
        dedupe_key="test:needless",
        as_of=NOON,
        fallbacks=[address(1)],
        fallback_after=DAY,
    )
    fallbacks.run(as_of=NOON + DAY)
    Delivery.objects.filter(message=message, channel="SMS").update(state="DELIVERED", delivered_at=NOON)
    with pytest.raises(letters.NothingToPrint):
        printed(as_of=NOON + DAY)


def test_letters_of_the_bulk_writer_are_written_when_they_are_printed() -> None:
    one = bulk_messages.Letter("toy:1", address(1), build.PAID, "toy:1")
    bulk_messages.send(code="payment_received", letters=[one], as_of=NOON, is_written_later=True)
    printed()
    assert Delivery.objects.get().body == "您好：\n已收到 ¥26.00。"


@pytest.mark.django_db(transaction=True)
def test_two_lists_never_hold_one_letter() -> None:
    for n in range(30):
        letter(n)

    def some() -> LetterList | None:
        try:
            return letters.print_list(sight=everything, region_ref="", actor=CLERK, as_of=NOON, most=10)
        except letters.NothingToPrint:
            return None

    made = [listed for listed in together(*[some] * 3) if listed]
    assert Delivery.objects.filter(state="SENT").count() == sum(each.deliveries.count() for each in made)
    assert all(each.deliveries.count() <= 10 for each in made)


def test_control_without_locks_two_lists_take_the_same_letters() -> None:
    """The race is real: reading first and marking later gives both the same rows; the law refuses the second."""
    letter()
    first = [row.pk for row in letters.waiting()]
    second = [row.pk for row in letters.waiting()]
    one, two = (
        LetterList.objects.create(number=f"L{n}", created_at=NOON, created_by="user:7") for n in range(2)
    )
    Delivery.objects.filter(pk__in=first).update(letter_list=one)
    with pytest.raises(IntegrityError, match="on one list"), transaction.atomic():
        Delivery.objects.filter(pk__in=second).update(letter_list=two)


def test_posted_with_a_proof_it_is_delivered_seven_days_later() -> None:
    delivery = letter()
    listed = post(printed())
    assert (listed.posted_on, listed.posted_by) == (POSTED, "user:7")
    proof_row = Upload.objects.get()
    assert (proof_row.kind, proof_row.subject) == ("letters.proof", listed.number)
    before = datetime(2026, 11, 25, 15, 59, 59, tzinfo=UTC)  # the last second of the sixth day in Shanghai
    assert letters.deliver(as_of=before) == 0
    assert letters.deliver(as_of=before + timedelta(seconds=1)) == 1
    delivery.refresh_from_db()
    assert (delivery.state, local_day(delivery.delivered_at)) == ("DELIVERED", POSTED + 7 * DAY)
    receipt = delivery.receipts.get()
    assert (receipt.provider, receipt.status, receipt.is_verified) == ("post", "DELIVERED", True)
    assert bytes(receipt.raw).decode() == proof_row.digest
    assert local_day(receipt.reported_at) == POSTED
    assert letters.deliver(as_of=before + DAY) == 0


def test_what_is_not_posted_is_never_delivered() -> None:
    delivery = letter()
    printed()
    with clock.stopped(NOON + 99 * DAY):
        assert tasks.deliver_letters() == 0
    delivery.refresh_from_db()
    assert delivery.state == "SENT"


def test_posting_is_registered_once() -> None:
    letter()
    listed = post(printed())
    with pytest.raises(letters.AlreadyPosted):
        post(listed)
    with pytest.raises(NotFound):
        letters.register_posting(list_id=0, posted_on=POSTED, proof=proof(), actor=CLERK, as_of=NOON + DAY)
    with pytest.raises(IntegrityError, match="registered once"), transaction.atomic():
        LetterList.objects.filter(pk=listed.pk).update(posted_on=POSTED - DAY)


@pytest.mark.parametrize("on", [date(2026, 11, 17), date(2026, 11, 20)])
def test_it_is_posted_after_it_was_printed_and_not_in_the_future(on: date) -> None:
    letter()
    listed = printed()
    with pytest.raises(letters.BadPostingDay):
        post(listed, on=on)
    listed.refresh_from_db()
    assert (listed.posted_on, listed.proof) == (None, None)
    assert Upload.objects.get().subject == ""  # and gone after a day


def test_a_proof_that_is_none_registers_nothing() -> None:
    letter()
    listed = printed()
    bad = letters.Proof("receipt.png", [b"not a picture"])
    with pytest.raises(Exception, match=r".+"):
        letters.register_posting(
            list_id=listed.pk, posted_on=POSTED, proof=bad, actor=CLERK, as_of=NOON + DAY
        )
    listed.refresh_from_db()
    assert listed.posted_on is None


def come_back(delivery: Delivery, as_of: datetime) -> Delivery:
    return letters.returned(delivery_id=delivery.pk, reason="查无此人", actor=CLERK, as_of=as_of)


def test_a_letter_that_comes_back_says_that_the_address_takes_none() -> None:
    delivery = letter()
    post(printed())
    come_back(delivery, NOON + 3 * DAY)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.failure) == ("FAILED", "HARD")
    assert "查无此人" in bytes(delivery.receipts.get(status="RETURNED").raw).decode()
    assert letters.deliver(as_of=NOON + 30 * DAY) == 0
    told = OutboxRow.objects.filter(event="notices.delivery_failed")
    assert {row.payload["failure"] for row in told} <= {"HARD"}


def test_a_letter_that_came_back_is_not_sent_again() -> None:
    delivery = letter()
    post(printed())
    come_back(delivery, NOON + 3 * DAY)
    with pytest.raises(sending.NotSendable):
        sending.retry(delivery_id=delivery.pk, actor=CLERK, as_of=NOON + 4 * DAY)
    retries.send_again(rows=Delivery.objects.all(), actor=CLERK, reason="x", as_of=NOON + 4 * DAY)
    delivery.refresh_from_db()
    assert delivery.state == "FAILED"


def test_one_that_comes_back_after_it_counted_as_delivered_is_known_as_both() -> None:
    delivery = letter()
    post(printed())
    letters.deliver(as_of=NOON + 10 * DAY)
    come_back(delivery, NOON + 11 * DAY)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.failure) == ("DELIVERED", "HARD")
    with pytest.raises(letters.NotReturnable):
        come_back(delivery, NOON + 12 * DAY)


def test_only_a_printed_letter_comes_back() -> None:
    waiting, sms = letter(), build.delivery()
    for row in (waiting, sms):
        with pytest.raises(letters.NotReturnable):
            come_back(row, NOON)
    with pytest.raises(NotFound):
        letters.returned(delivery_id=0, reason="x", actor=CLERK, as_of=NOON)
    assert not DeliveryReceipt.objects.exists()


@pytest.mark.parametrize(
    "forged",
    [
        {"state": "SENT"},
        {"state": "DELIVERED", "delivered_at": NOON},
    ],
)
def test_the_law_knows_no_letter_that_was_not_printed(forged: dict[str, Any]) -> None:
    delivery = letter()
    with pytest.raises(IntegrityError, match="with a proof of posting"), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(**forged)


@pytest.mark.parametrize(("days", "is_allowed"), [(6, False), (7, True)])
def test_the_law_counts_the_days_itself(days: int, is_allowed: bool) -> None:
    delivery = letter()
    post(printed())
    rows = Delivery.objects.filter(pk=delivery.pk)
    at = datetime(2026, 11, 18, 16, tzinfo=UTC) + days * DAY  # midnight in Shanghai, `days` after posting
    if is_allowed:
        assert rows.update(state="DELIVERED", delivered_at=at) == 1
        return
    with pytest.raises(IntegrityError, match="7 days after it was posted"), transaction.atomic():
        rows.update(state="DELIVERED", delivered_at=at)


def test_the_law_knows_no_letter_on_a_list_that_was_not_posted() -> None:
    delivery = letter()
    printed()
    with pytest.raises(IntegrityError, match="with a proof of posting"), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(state="DELIVERED", delivered_at=NOON + 99 * DAY)


def test_nothing_but_a_letter_is_on_a_list() -> None:
    listed = LetterList.objects.create(number="L", created_at=NOON, created_by="user:7")
    sms, paper = build.delivery(), letter()
    with pytest.raises(IntegrityError, match="on one list"), transaction.atomic():
        Delivery.objects.filter(pk=sms.pk).update(letter_list=listed)
    Delivery.objects.filter(pk=paper.pk).update(letter_list=listed)
    with pytest.raises(IntegrityError, match="on one list"), transaction.atomic():
        Delivery.objects.filter(pk=paper.pk).update(letter_list=None)


def test_one_page_for_each_letter() -> None:
    for n in range(3):
        letter(n)
    listed = printed()
    made = letter_papers.pdf(listed, letter_papers.letters_of(listed), issuer="网上营业厅")
    pages = [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(made)]
    assert len(pages) == 3
    for n, text_of_page in enumerate(pages):
        for expected in (
            f"王小明 {n}",
            f"幸福路 {n} 号",
            "缴费通知",
            "已收到 ¥26.00。",
            "2026 年 11 月 18 日",
        ):
            assert expected in text_of_page
    again = letter_papers.pdf(listed, letter_papers.letters_of(listed), issuer="网上营业厅")
    assert again == made


def test_each_letter_is_in_its_own_language_whoever_prints_it() -> None:
    letter(1)
    build.template("Hello", version=90, channel=Channel.LETTER, language="en", title="Received")
    build.send(address(2), language="en")
    listed = printed()
    with translation.override("en"):
        made = letter_papers.pdf(listed, letter_papers.letters_of(listed), issuer=_("网上营业厅"))
    chinese, english = (page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(made))
    assert "网上营业厅" in chinese
    assert "2026 年 11 月 18 日" in chinese
    assert "Online Hall" in english
    assert "18 Nov 2026" in english


def test_what_an_address_holds_is_no_markup_and_no_formula() -> None:
    build.send(messages.Address("LETTER", "=SUM(A1)#set page\n*路* $x$ \u202e1"))
    listed = printed()
    rows = letter_papers.letters_of(listed)
    made = letter_papers.pdf(listed, rows, issuer="x")
    shown = pypdfium2.PdfDocument(made)[0].get_textpage().get_text_bounded()
    assert "=SUM(A1)#set page" in shown
    assert "*路* $x$ 1" in shown
    head, line = list(csv.reader(io.StringIO(letter_papers.addresses(rows).decode("utf-8-sig"))))
    assert line[3] == "'=SUM(A1)#set page / *路* $x$ 1"
    assert len(head) == len(line) == 4
