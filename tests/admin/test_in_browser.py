"""The staff pages in a real browser: nothing that the content policy forbids is tried, and all fits a narrow screen."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, sync_playwright

from core import approval_desk
from core.models import AuditRow, OutboxRow
from tests.admin import build
from tests.billing import build as money
from tests.core.approval_toys import KIND

pytestmark = pytest.mark.django_db(transaction=True)
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
TELL = """document.addEventListener("securitypolicyviolation",
    event => console.error("policy", event.violatedDirective, event.blockedURI, event.sample))"""


@pytest.fixture
def context(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[BrowserContext]:
    """A browser in which the superuser is logged in."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in the thread of the test
    client = Client()
    client.force_login(build.superuser())
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    with sync_playwright() as playwright:
        path = os.environ.get("HALL_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        opened = browser.new_context(
            base_url=live_server.url, locale="zh-CN", viewport={"width": 1280, "height": 900}
        )
        opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        opened.add_init_script(TELL)
        yield opened
        browser.close()


def listen(page: Page) -> list[str]:
    said: list[str] = []
    page.on(
        "console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("response", lambda answer: said.append(answer.url) if answer.status >= 400 else None)
    return said


def test_pages_run_within_their_policy_and_fit_a_phone(context: BrowserContext) -> None:
    build.hall(2)
    for job in ("job0", "job1"):
        build.approval(KIND, subject=("core.Heartbeat", job), reason="客户来电要求退回重复缴纳的款项" * 4)
    slip = reverse("admin:operations_slip_changelist")
    payment = reverse("admin:billing_payment_changelist")
    page = context.new_page()
    complaints = listen(page)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for address in (
            reverse("admin:index"),
            slip,
            payment,
            reverse("admin:accounts_user_add"),
            reverse(approval_desk.URL),
            reverse("admin:billing_statement_day", args=["alipay", money.TODAY.isoformat()]),
            reverse("admin:billing_receipt_channels"),
            reverse("admin:arrears_arrearscase_board"),
            reverse("admin:arrears_arrearscase_unreachable"),
            reverse("admin:arrears_policy_new"),
        ):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            beyond = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert beyond == 0, (address, width)
    assert complaints == []


def test_filter_choose_and_act_by_hand(context: BrowserContext) -> None:
    rows = [build.outbox_row(key=f"k{i}") for i in range(2)]
    page = context.new_page()
    complaints = listen(page)

    page.goto(reverse("admin:core_outboxrow_changelist"))
    page.locator("a:has-text('筛选')").first.click()
    page.get_by_role("link", name="已停止", exact=True).or_(
        page.get_by_text("已停止", exact=True)
    ).last.click()
    page.goto(f"{reverse('admin:core_outboxrow_changelist')}?state__exact=DEAD")
    for box in page.locator("input.action-select").all():
        box.check()
    page.locator("select[name=action]").select_option("run-again")
    page.get_by_role("button", name="执行").click()
    page.locator("textarea[name=reason]").fill("值班检查后恢复")
    page.get_by_role("button", name="重新处理").click()
    page.get_by_text("已重新排队").first.wait_for()

    assert OutboxRow.objects.filter(state=OutboxRow.State.PENDING).count() == len(rows)
    assert AuditRow.objects.filter(reason="值班检查后恢复").count() == len(rows)
    assert complaints == []


def test_calendar_of_a_date_field_works(context: BrowserContext) -> None:
    page = context.new_page()
    complaints = listen(page)
    page.goto(reverse("admin:core_calendarday_add"))
    page.locator(".datetimeshortcuts a").last.click()
    page.locator(".calendarbox td a").first.click()
    assert page.locator("input[name=day]").input_value() != ""
    assert complaints == []
