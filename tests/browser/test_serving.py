"""A clerk serves a customer from beginning to end, with the code that the customer reads on his phone."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.house import House

CLERK = "chief"  # of the whole city: the demo's first customer has accounts in both of its districts


def begin(page: Page, phone: str) -> None:
    page.goto("/admin/operations/servingsession/desk/")
    page.get_by_label("户号、客户编号或手机号").fill(phone)
    page.get_by_role("button", name="查找").click()
    page.get_by_label("办理事由").first.fill("客户到店，要求关闭自动抵扣")
    page.get_by_role("button", name="开始办理").first.click()
    expect(page.get_by_text("您正在为")).to_be_visible()


def test_a_clerk_serves_a_customer(
    new_page: Callable[..., Page], house: House, pictures: Path | None
) -> None:
    page = new_page(viewport={"width": 1280, "height": 900})
    steps.log_in_as_staff(page, house, CLERK)
    begin(page, steps.CUSTOMER)
    if pictures:
        page.screenshot(path=pictures / "serving_home.png", full_page=True)

    page.goto("/operations/balance.auto_use/")
    page.get_by_label("不自动抵扣，由我决定").check()
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_text("验证码发到客户本人的手机")).to_be_visible()
    before = len(house.sms(steps.CUSTOMER))
    page.get_by_role("button", name="获取验证码").click()
    code = house.code(steps.CUSTOMER, after=before)
    assert f"工号 {CLERK} 的工作人员正在为您办理“余额自动抵扣”" in house.sms(steps.CUSTOMER)[0]

    page.get_by_label("客户手机收到的验证码").fill("000000" if code != "000000" else "111111")
    page.get_by_label("客户已看过以上内容，同意办理").check()
    page.get_by_role("button", name="确认办理").click()
    expect(page.get_by_text("验证码不正确")).to_be_visible()
    page.get_by_label("客户手机收到的验证码").fill(code)
    page.get_by_label("客户已看过以上内容，同意办理").check()
    page.get_by_role("button", name="确认办理").click()
    expect(page.get_by_text("设置已生效")).to_be_visible()

    page.goto("/requests/")
    page.get_by_text("余额自动抵扣").first.click()
    expect(page.get_by_text(re.compile(f"工号 {CLERK}.*代办"))).to_be_visible()
    if pictures:
        page.screenshot(path=pictures / "serving_slip.png", full_page=True)

    page.goto("/account/password/change/")
    expect(page.get_by_text("代客办理时不能使用这个页面")).to_be_visible()
    page.get_by_role("button", name="结束办理").click()
    expect(page.get_by_text("代客办理已结束")).to_be_visible()
    page.goto("/bills/")
    expect(page.get_by_text("您正在为")).to_have_count(0)
    told = "工作人员已为您办理“余额自动抵扣”"
    assert any(told in text for text in house.sms(steps.CUSTOMER))


def test_the_line_on_top_fits_a_phone(new_page: Callable[..., Page], house: House) -> None:
    page = new_page()
    steps.log_in_as_staff(page, house, CLERK)
    begin(page, steps.CUSTOMER)
    page.goto("/bills/")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    expect(page.get_by_role("button", name="结束办理")).to_be_in_viewport()
