"""What a customer does on the pages."""

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
