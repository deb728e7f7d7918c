"""A bill paid by WeChat Pay in a real browser: the code on one screen, the scan on another."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.house import House

pytestmark = pytest.mark.xdist_group("browser")
WIDTHS = {"phone": {"width": 360, "height": 780}, "desk": {"width": 1280, "height": 900}}


def choose_wechat(page: Page, account: str, yuan: str) -> None:
    """From the form of paying to the page with the code."""
    page.goto(f"/pay/?account={account}")
    page.get_by_label("缴费金额（元）").fill(yuan)
    page.get_by_label("微信支付").check()
    page.get_by_role("button", name="下一步：核对").click()
    page.get_by_label("我已看过以上内容，确认办理").check()
    page.get_by_role("button", name="确认，去付款").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("微信支付扫码付款")


def read_code(page: Page) -> str:
    """What a telephone held before the screen would read."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("L")
    (found,) = zxingcpp.read_barcodes(picture)
    return str(found.text)


def scan_and_pay(telephone: Page, house: House, code: str) -> None:
    telephone.goto(f"{house.sandbox.url}/wechatpay/")
    telephone.get_by_role("searchbox").fill(code)
    telephone.get_by_role("button", name="扫码").click()
    telephone.get_by_role("button", name="确认支付").click()
    expect(telephone.get_by_role("heading", level=1)).to_have_text("支付成功")


def test_the_page_with_the_code_turns_to_paid(
    house: House, new_page: Callable[..., Page], customer: object
) -> None:
    page = new_page(storage_state=customer, viewport={"width": 1280, "height": 900})
    choose_wechat(page, "8800100001", "3.21")
    expect(page.locator(".amount__value")).to_have_text("¥3.21")
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"还剩 \d+:\d\d"))
    code = read_code(page)
    page.reload()
    assert read_code(page) == code
    scan_and_pay(new_page(), house, code)
    expect(page.get_by_role("heading", level=1)).to_have_text("支付成功")
    expect(page).to_have_title(re.compile("支付成功"))
    page.get_by_role("link", name="查看收据").click()
    expect(page.locator(".slip .amount__value")).to_have_text("¥3.21")
    expect(page.get_by_text("微信支付")).to_be_visible()


def test_without_scripts_the_page_finds_out_by_itself(
    house: House, new_page: Callable[..., Page], customer: object
) -> None:
    page = new_page(storage_state=customer, java_script_enabled=False)
    choose_wechat(page, "8800100001", "1.23")
    expect(page.get_by_role("timer")).to_be_hidden()
    shown = page.get_by_role("img", name=re.compile("二维码"))
    source = str(shown.get_attribute("src")).partition("base64,")[2]
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(base64.b64decode(source))).convert("L"))
    scan_and_pay(new_page(), house, found.text)
    page.get_by_role("link", name="我已付款").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("支付成功")


def test_who_does_not_scan_may_cancel_and_pay_otherwise(
    house: House, new_page: Callable[..., Page], customer: object
) -> None:
    page = new_page(storage_state=customer)
    choose_wechat(page, "8800100001", "2.34")
    code = read_code(page)
    page.get_by_role("button", name="取消这笔支付").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("这笔支付已关闭")
    telephone = new_page()
    telephone.goto(f"{house.sandbox.url}/wechatpay/")
    telephone.get_by_role("searchbox").fill(code)
    telephone.get_by_role("button", name="扫码").click()
    expect(telephone.get_by_text("不能再付")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", sorted(WIDTHS))
def test_the_code_is_read_on_every_screen(
    house: House,
    new_page: Callable[..., Page],
    customer: object,
    pictures: Path | None,
    size: str,
    theme: str,
) -> None:
    page = new_page(storage_state=customer, viewport=WIDTHS[size], color_scheme=theme)
    choose_wechat(page, "8800100001", "4.56")
    assert read_code(page).startswith("weixin://wxpay/bizpayurl?pr=")
    if size == "phone":
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    if pictures:
        page.screenshot(path=pictures / f"wechat-{size}-{theme}.png", full_page=True)
    page.get_by_role("button", name="取消这笔支付").click()
