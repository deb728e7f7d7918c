"""What staff do with letters and with notices that failed, each within his region."""

from typing import Any

import pypdfium2
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Customer, Region, User
from core import clock
from core.models import AuditRow, Upload
from notices.models import Channel, Delivery, DeliveryState, LetterList, Message
from notices.services import messages
from tests.admin import build as staff
from tests.conftest import NOON
from tests.core.test_uploads import picture
from tests.notices import build

pytestmark = pytest.mark.django_db
DESK = reverse("admin:notices_letterlist_desk")
FAILURES = reverse("admin:notices_delivery_failures")
RIGHTS = ("notices.view_letterlist", "notices.add_letterlist", "notices.change_letterlist")


@pytest.fixture(autouse=True)
def text(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT, settings.UPLOAD_SCANNER = tmp_path, "off"
    build.template("已收到 {{ amount }}。", version=90, channel=Channel.LETTER, title="缴费通知")


def region(code: str) -> Region:
    return Region.objects.create(code=code, name=f"区域{code}", level=Region.Level.CITY)


def account(number: str, place: Region) -> BillingAccount:
    customer = Customer.objects.create(number=f"C{number}", name="张", region=place, created_at=NOON)
    return BillingAccount.objects.create(number=number, customer=customer, region=place, created_at=NOON)


def tell(number: str, address: messages.Address) -> Delivery:
    message = messages.send(
        code="payment_received",
        recipient_ref=f"account:{number}",
        addresses=[address],
        context=build.PAID,
        dedupe_key=f"test:{number}:{address.channel}:{Message.objects.count()}",
        as_of=NOON,
    )
    return message.deliveries.get()


def letter(number: str) -> Delivery:
    return tell(number, messages.Address("LETTER", f"张三\n幸福路 {number} 号"))


def client(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def east() -> Region:
    return region("EAST")


@pytest.fixture
def west() -> Region:
    return region("WEST")


@pytest.fixture
def letters(east: Region, west: Region) -> tuple[Delivery, Delivery]:
    account("8100000001", east)
    account("8100000002", west)
    return letter("8100000001"), letter("8100000002")


def clerk(place: Region | None, *rights: str, name: str = "clerk") -> Client:
    return client(staff.staff_with(*(rights or RIGHTS), username=name, region=place))


def test_a_clerk_prints_the_letters_of_his_region_and_no_others(
    letters: tuple[Delivery, Delivery], east: Region, west: Region
) -> None:
    here, there = letters
    browser = clerk(east)
    assert "待打印 1 封" in browser.get(DESK).content.decode()
    answer = browser.post(DESK)
    listed = LetterList.objects.get()
    assert answer["Location"] == reverse("admin:notices_letterlist_change", args=[listed.pk])
    assert list(listed.deliveries.all()) == [here]
    assert listed.region_ref == str(east.pk)
    there.refresh_from_db()
    assert there.state == "QUEUED"
    assert browser.get(answer["Location"]).status_code == 200
    stranger = clerk(west, name="stranger")
    for name in ("change", "pdf", "csv"):
        assert stranger.get(reverse(f"admin:notices_letterlist_{name}", args=[listed.pk])).status_code == 404
    assert listed.number not in stranger.get(DESK).content.decode()


def test_paper_and_addresses_are_taken_away_and_that_is_kept(
    letters: tuple[Delivery, Delivery], east: Region
) -> None:
    browser = clerk(east)
    browser.post(DESK)
    key = LetterList.objects.get().pk
    paper = browser.get(reverse("admin:notices_letterlist_pdf", args=[key]))
    assert paper["Content-Type"] == "application/pdf"
    assert len(pypdfium2.PdfDocument(paper.content)) == 1
    table = browser.get(reverse("admin:notices_letterlist_csv", args=[key]))
    assert "幸福路 8100000001 号" in table.content.decode("utf-8-sig")
    assert AuditRow.objects.filter(action="letters.download").count() == 2


def test_posting_is_registered_with_its_proof(letters: tuple[Delivery, Delivery], east: Region) -> None:
    browser = clerk(east)
    with clock.stopped(NOON):
        browser.post(DESK)
    listed = LetterList.objects.get()
    page = reverse("admin:notices_letterlist_act", args=["posted"]) + f"?ids={listed.pk}"
    assert "enctype" in browser.get(page).content.decode()
    scan = SimpleUploadedFile("scan.jpg", picture(), content_type="image/jpeg")
    with clock.stopped(NOON):
        browser.post(page, {"posted_on": "2026-11-18", "proof": scan, "reason": "邮局收据 12"})
    listed.refresh_from_db()
    assert str(listed.posted_on) == "2026-11-18"
    shown = browser.get(reverse("upload", args=[Upload.objects.get().token]))
    assert shown.status_code == 200
    assert clerk(region("NORTH"), name="other").get(shown.request["PATH_INFO"]).status_code == 404


def test_who_may_only_look_prints_nothing(letters: tuple[Delivery, Delivery], east: Region) -> None:
    browser = clerk(east, "notices.view_letterlist")
    assert "生成清单并打印" not in browser.get(DESK).content.decode()
    assert browser.post(DESK).status_code == 403
    assert clerk(east, "notices.view_delivery", name="nobody").get(DESK).status_code == 403
    assert not LetterList.objects.exists()


def test_with_nothing_to_print_that_is_said(east: Region) -> None:
    answer = clerk(east).post(DESK, follow=True)
    assert "没有待打印的信函" in answer.content.decode()


def test_a_letter_that_came_back_is_noted_on_its_own_page(
    letters: tuple[Delivery, Delivery], east: Region
) -> None:
    clerk(east).post(DESK)
    browser = clerk(east, "notices.view_delivery", "notices.change_delivery", name="second")
    here = letters[0]
    page = reverse("admin:notices_delivery_act", args=["came-back"]) + f"?ids={here.pk}"
    assert page in browser.get(
        reverse("admin:notices_delivery_change", args=[here.pk])
    ).content.decode().replace("&amp;", "&")
    browser.post(page, {"reason": "查无此人"})
    here.refresh_from_db()
    assert (here.state, here.failure) == ("FAILED", "HARD")


@pytest.fixture
def failed(east: Region, west: Region) -> list[Delivery]:
    rows = []
    for number, place in (("8100000011", east), ("8100000012", east), ("8100000013", west)):
        account(number, place)
        rows.append(tell(number, build.PHONE))
    Delivery.objects.all().update(state=DeliveryState.FAILED, error="gateway answered 400", failure="OTHER")
    return rows


def press(browser: Client, **changes: str) -> Any:
    group = {
        "code": "payment_received",
        "channel": "SMS",
        "failure": "OTHER",
        "error": "gateway answered 400",
        "reason": "签名已改好",
    }
    with clock.stopped(NOON):
        return browser.post(FAILURES, group | changes, follow=True)


def states(rows: list[Delivery]) -> list[str]:
    return [Delivery.objects.get(pk=row.pk).state for row in rows]


def test_failures_by_kind_reason_and_region(failed: list[Delivery], east: Region) -> None:
    whole = clerk(None, "notices.view_delivery", name="whole")
    with clock.stopped(NOON):
        shown = whole.get(FAILURES)
    assert [(row["code"], row["count"]) for row in shown.context["groups"]] == [("payment_received", 3)]
    assert shown.context["places"] == [("区域EAST", 2), ("区域WEST", 1)]
    assert "重新发送</button>" not in shown.content.decode()
    with clock.stopped(NOON):
        part = clerk(east, "notices.view_delivery").get(FAILURES)
    assert [row["count"] for row in part.context["groups"]] == [2]


def test_a_group_is_sent_again_within_the_region_with_a_reason(failed: list[Delivery], east: Region) -> None:
    browser = clerk(east, "notices.view_delivery", "notices.change_delivery")
    assert "已重新排队 2 条" in press(browser).content.decode()
    assert states(failed) == ["QUEUED", "QUEUED", "FAILED"]
    audit = AuditRow.objects.get(action="notices.send_again")
    assert (audit.reason, audit.detail) == ("签名已改好", {"deliveries": 2})


def test_nothing_is_sent_again_without_a_reason_or_the_right(failed: list[Delivery], east: Region) -> None:
    may = clerk(east, "notices.view_delivery", "notices.change_delivery")
    assert "请写明原因" in press(may, reason="").content.decode()
    assert "已重新排队 0 条" in press(may, error="another").content.decode()
    looks = clerk(east, "notices.view_delivery", name="looks")
    assert press(looks).status_code == 403
    assert states(failed) == ["FAILED"] * 3


def test_the_page_asks_few_questions(failed: list[Delivery], django_assert_max_num_queries: Any) -> None:
    browser = clerk(None, "notices.view_delivery", "notices.change_delivery")
    with clock.stopped(NOON), django_assert_max_num_queries(25):
        assert browser.get(FAILURES).status_code == 200
