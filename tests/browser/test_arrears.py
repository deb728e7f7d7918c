"""A customer whose service is off for arrears, in a real browser: told on every page, pays, is on again by himself."""

import itertools
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps, walk
from tests.browser.house import House

pytestmark = pytest.mark.xdist_group("browser")
OFF, LATE = "13800000051", "13800000052"
BANNER = "aside.arrears"


def scene(house: House, phone: str, days: int) -> str:
    """The number of an account that has been due for so many days."""
    code = f"from tests.browser import arrears_scene; print(arrears_scene.make('{phone}', {days}).number)"
    with house.worker_asleep():  # it would send now what was to be told weeks ago
        return house.manage("shell", "-v", "0", "-c", code).split()[-1]


def banner(page: Page) -> str:
    return page.locator(BANNER).inner_text()


def test_off_for_arrears_he_is_told_pays_and_is_on_again(house: House, new_page: Callable[..., Page]) -> None:
    number = scene(house, OFF, 40)
    page = new_page(java_script_enabled=False)
    steps.log_in(page, house, OFF)
    for path in ("/", "/bills/", "/services/", "/help/"):
        page.goto(path)
        assert re.search("因欠费 .* 停机", banner(page))
        assert "以前不会拆机" in banner(page)
    page.locator(BANNER).get_by_role("link", name="欠费与停机").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("欠费与停机")
    expect(page.get_by_role("heading", name="接下来会怎样")).to_be_visible()
    expect(page.get_by_text("通知：停机预告")).to_be_visible()
    expect(page.get_by_text("138****0051").first).to_be_visible()
    page.goto("/services/")
    expect(page.get_by_text("已停用")).to_be_visible()
    page.locator(BANNER).get_by_role("link", name="立即缴费").click()
    steps.confirm_and_go_to_cashier(page)
    page.get_by_role("button", name="确认付款").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("支付成功")
    is_on_again(page)
    page.goto(f"/arrears/{number}/")
    expect(page.get_by_text("这个户号没有欠费")).to_be_visible()
    expect(page.get_by_text("已缴清").first).to_be_visible()
    page.goto("/services/")
    expect(page.get_by_text("使用中")).to_be_visible()


def is_on_again(page: Page) -> None:
    """By the worker alone, within a minute."""
    for _second in range(60):
        page.goto("/help/")
        if not page.locator(BANNER).count():
            return
        page.wait_for_timeout(1000)
    raise AssertionError(f"still there: {banner(page)}")


def test_late_every_look_fits_and_he_promises_to_pay(house: House, new_page: Callable[..., Page]) -> None:
    number = scene(house, LATE, 10)
    page = new_page()
    complaints = walk.watch(page)
    steps.log_in(page, house, LATE)
    wrong = []
    for path in ("/", "/arrears/", "/services/pause/", f"/arrears/{number}/"):
        page.goto(path)
        wrong += [f"{path}: {each}" for each in objections(page)]
    assert wrong + complaints == []
    page.get_by_role("link", name=re.compile("延期缴费")).click()
    page.get_by_role("button", name="下一步").click()
    page.get_by_label("我已看过以上内容，确认办理").check()
    page.get_by_role("button", name="确认办理").click()
    page.goto("/")
    assert "已延期至" in banner(page)


def objections(page: Page) -> list[str]:
    """In either theme, with normal and large text, on a narrow and a wide screen."""
    wrong = []
    for theme, text, width in itertools.product(("light", "dark"), ("normal", "large"), (360, 1280)):
        walk.dress(page, theme=theme, text=text, width=width)
        wrong += [f"{theme} {text} {width}: {each}" for each in walk.objections(page)]
        if wider := walk.wider_by(page):
            wrong.append(f"{theme} {text} {width}: {wider} px wider than the window")
    return wrong
