"""What customers and staff do on the pages."""

import os

from playwright.sync_api import Page, expect

from tests.browser.house import House

# The demo's people (hall.demo.plan).
CUSTOMER, STRANGER, NEWCOMER = "13800000001", "13800000002", "13800000003"
NEWCOMERS_ACCOUNT = "8800100004"


def log_in(page: Page, house: House, phone: str) -> None:
    """By phone and the code that arrives there."""
    house.wait_until_a_code_may_be_asked_for(phone)
    before = len(house.sms(phone))
    page.goto("/account/login/")
    page.get_by_label("手机号", exact=True).first.fill(phone)
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("6 位验证码").fill(house.code(phone, after=before))
    page.get_by_role("button", name="确认").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("您好")


def confirm_and_go_to_cashier(page: Page) -> None:
    """From the form of paying, filled in, to the stand-in's cashier."""
    page.get_by_role("button", name="下一步：核对").click()
    page.get_by_label("我已看过以上内容，确认办理").check()
    page.get_by_role("button", name="确认，去付款").click()
    expect(page.get_by_role("button", name="确认付款")).to_be_visible()


def give_staff_password(page: Page, house: House, username: str) -> None:
    """To the page that asks for the authenticator's code."""
    stored = (house.folder / "demo-logins.txt").read_text(encoding="utf-8")
    password = os.environ.get("HALL_DEMO_STAFF_PASSWORD") or stored.strip().rpartition(" ")[2]
    page.goto("/admin/")
    page.get_by_text("密码登录").click()
    page.locator("input[name=login]").fill(username)
    page.locator("input[name=password]").fill(password)
    page.locator("input[name=password]").press("Enter")
    expect(page.locator("input[name=code]")).to_be_visible()


_used: set[tuple[str, str, str]] = set()


def _fresh_code(page: Page, house: House, username: str) -> str:
    """One that was not used yet: each opens the door once, and the next comes within half a minute."""
    for _second in range(35):
        shown = (house.url, username, house.manage("totp", username, "--skip-checks").strip())
        if shown not in _used:
            _used.add(shown)
            return shown[2]
        page.wait_for_timeout(1000)
    raise AssertionError("the authenticator shows the same code for ever")


def log_in_as_staff(page: Page, house: House, username: str) -> None:
    """By password and the code of the authenticator app."""
    give_staff_password(page, house, username)
    code = page.locator("input[name=code]")
    code.fill(_fresh_code(page, house, username))
    code.press("Enter")
    expect(code).to_have_count(0)  # that page has a heading, too
    expect(page.locator("h1").first).to_be_visible()
