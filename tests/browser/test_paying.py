"""A bill paid in a real browser, with and without scripts, over real processes."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.house import House
from tests.sandbox.process import until

pytestmark = pytest.mark.xdist_group("browser")


def test_a_customer_logs_in_pays_and_sees_checking_turn_into_paid(
    house: House, new_page: Callable[..., Page]
) -> None:
    page = new_page()
    steps.log_in(page, house, steps.STRANGER)
    expect(page.locator(".due .amount__value")).to_have_text("¥34.00")
    page.get_by_role("link", name="立即缴费").click()
    expect(page.get_by_label("缴费金额（元）")).to_have_value("34.00")
    expect(page.get_by_label("支付宝")).to_be_checked()
    steps.confirm_and_go_to_cashier(page)
    with house.worker_asleep():
        page.get_by_role("button", name="确认付款").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("正在确认支付结果")
        expect(page.get_by_text("请不要重复付款")).to_be_visible()
        assert "失败" not in page.content()
    expect(page.get_by_role("heading", level=1)).to_have_text("支付成功")
    expect(page).to_have_title(re.compile("支付成功"))
    page.get_by_role("link", name="查看收据").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("缴费收据")
    expect(page.locator(".slip .amount__value")).to_have_text("¥34.00")
    expect(page.get_by_role("button", name="打印")).to_be_visible()
    until(lambda: any("34.00" in text for text in house.sms(steps.STRANGER)), 30)
    page.goto("/")
    expect(page.get_by_text("现在没有要缴的费用")).to_be_visible()


def test_without_scripts_a_newcomer_binds_his_account_and_pays_part_of_his_bill(
    house: House, new_page: Callable[..., Page]
) -> None:
    page = new_page(java_script_enabled=False)
    steps.log_in(page, house, steps.NEWCOMER)
    page.get_by_role("link", name="绑定户号").first.click()
    page.get_by_label("户号", exact=True).fill(steps.NEWCOMERS_ACCOUNT)
    page.get_by_role("button", name="下一步").click()
    before = len(house.sms(steps.NEWCOMER))
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("短信验证码").fill(house.code(steps.NEWCOMER, after=before))
    page.get_by_label("我已看过以上内容，确认办理").check()
    page.get_by_role("button", name="确认办理").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("我的账单")

    page.goto("/pay/")
    page.get_by_label("缴费金额（元）").fill("10")
    steps.confirm_and_go_to_cashier(page)
    with house.worker_asleep():
        page.get_by_role("button", name="确认付款").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("正在确认支付结果")
    # The page loads itself anew every few seconds until there is a result.
    expect(page.get_by_role("heading", level=1)).to_have_text("支付成功")
    page.get_by_role("link", name="查看收据").click()
    expect(page.locator(".slip .amount__value")).to_have_text("¥10.00")
    expect(page.get_by_role("button", name="打印")).to_be_hidden()
    page.goto("/bills/")
    expect(page.get_by_text("部分已缴").or_(page.get_by_text("已逾期")).first).to_be_visible()


def test_who_turns_back_at_the_cashier_may_go_on_or_cancel(
    house: House, new_page: Callable[..., Page], customer: object
) -> None:
    page = new_page(storage_state=customer)
    page.goto("/pay/?account=8800100002")
    steps.confirm_and_go_to_cashier(page)
    page.get_by_role("button", name="取消").click()
    page.get_by_role("link", name="返回商户").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("等待支付")
    page.goto("/")
    page.get_by_role("link", name=re.compile("待支付")).click()
    expect(page.get_by_role("link", name="去付款")).to_be_visible()
    page.get_by_role("button", name="取消这笔支付").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("这笔支付已关闭")
    expect(page.get_by_text("这笔支付已取消，没有扣款")).to_be_visible()
