"""No page has anything that axe objects to, in either theme and with large text; none is wider than a narrow phone.

With HALL_PICTURES=FOLDER each page is also photographed at 360 and 1280 px.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, StorageState, expect

from tests.browser.house import House

pytestmark = pytest.mark.xdist_group("browser")
WIDTHS = (360, 1280)


def visitors_pages(page: Page) -> Iterator[str]:
    """Opens one after the other and says which it is."""
    for name, path in {
        "welcome": "/",
        "help": "/help/",
        "login": "/account/login/",
        "signup": "/account/signup/",
    }.items():
        page.goto(path)
        yield name
    page.goto("/nothing-here/")
    yield "not-found"


def customers_pages(page: Page) -> Iterator[str]:
    for name, path in {
        "home": "/",
        "bills": "/bills/?period=all",
        "receipts": "/receipts/",
        "requests": "/requests/",
        "operations": "/operations/",
        "profile": "/me/",
        "messages": "/me/messages/",
        "bind": "/operations/account.bind/",
        "balance": "/balance/",
        "balance-topup": "/operations/balance.topup/",
        "balance-auto-use": "/operations/balance.auto_use/",
        "balance-refund": "/operations/balance.refund/",
        "refunds": "/refunds/",
        "export": "/bills/export/",
        "email-bills": "/email-bills/",
        "pay-other": "/pay/other/",
        "pay": "/pay/",
    }.items():
        page.goto(path)
        yield name
    page.get_by_label("缴费金额（元）").fill("1.234")
    follow(page, page.get_by_role("button", name="下一步：核对"))
    yield "pay-refused"
    page.get_by_label("缴费金额（元）").fill("12")
    follow(page, page.get_by_role("button", name="下一步：核对"))
    yield "pay-quote"
    for name, path in {
        "open-bill": "/bills/?account=8800100001",
        "paid-bill": "/bills/?account=8800100002",
    }.items():
        page.goto(path)
        follow(page, page.locator("main .rows a.row").nth(0 if name == "open-bill" else 3))
        yield name
    page.goto("/receipts/")
    follow(page, page.locator("main .rows a.row").first)
    yield "receipt"


def payments_pages(page: Page) -> Iterator[str]:
    """A payment begun and given up."""
    page.goto("/pay/?account=8800100001")
    follow(page, page.get_by_role("button", name="下一步：核对"))
    page.get_by_label("我已看过以上内容，确认办理").check()
    follow(page, page.get_by_role("button", name="确认，去付款"))  # to the cashier, where nothing is done
    page.goto("/")
    yield "home-pending"
    follow(page, page.get_by_role("link", name=re.compile("待支付")))
    yield "payment-waiting"
    waiting = page.url
    page.goto(f"{waiting}?back=1")
    expect(page.get_by_text("确认中", exact=True)).to_be_visible()
    yield "payment-checking"
    page.goto(waiting)
    follow(page, page.get_by_role("button", name="取消这笔支付"))
    expect(page.get_by_role("heading", level=1)).to_have_text("这笔支付已关闭")
    yield "payment-closed"
    page.goto("/pay/?account=8800100001")
    page.get_by_label("微信支付").check()
    follow(page, page.get_by_role("button", name="下一步：核对"))
    page.get_by_label("我已看过以上内容，确认办理").check()
    follow(page, page.get_by_role("button", name="确认，去付款"))
    expect(page.get_by_role("heading", level=1)).to_have_text("微信支付扫码付款")
    yield "payment-qr"
    follow(page, page.get_by_role("button", name="取消这笔支付"))
    page.goto("/requests/")
    follow(page, page.locator("main .rows a.row").first)
    yield "request"


def follow(page: Page, control: Locator) -> None:
    """Clicks and waits until the next page is there: a click alone returns while the old page is still shown."""
    with page.expect_navigation():
        control.click()


def choose_look(page: Page, house: House, theme: str, text: str) -> None:
    looks = {"theme": theme, "text": text}
    page.context.add_cookies(
        [{"name": name, "value": value, "url": house.url} for name, value in looks.items()]
    )


def objections(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


def sideways(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def photograph(page: Page, folder: Path | None, name: str, theme: str) -> None:
    if folder is None:
        return
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=True)
    page.set_viewport_size({"width": WIDTHS[0], "height": 780})


def walk(page: Page, pages: Iterator[str], folder: Path | None, theme: str) -> list[str]:
    wrong = []
    for name in pages:
        wrong += [f"{name} {theme}: {objection}" for objection in objections(page)]
        if wider := sideways(page):
            wrong.append(f"{name} {theme}: {wider} px wider than the window")
        photograph(page, folder, name, theme)
    return wrong


LOOKS = [("light", "normal"), ("dark", "large")]


@pytest.mark.parametrize(("theme", "text"), LOOKS)
def test_visitors_pages(
    theme: str, text: str, house: House, new_page: Callable[..., Page], pictures: Path | None
) -> None:
    page = new_page()
    choose_look(page, house, theme, text)
    assert walk(page, visitors_pages(page), pictures, theme) == []


@pytest.mark.parametrize(("theme", "text"), LOOKS)
def test_customers_pages(
    theme: str,
    text: str,
    house: House,
    new_page: Callable[..., Page],
    customer: StorageState,
    pictures: Path | None,
) -> None:
    page = new_page(storage_state=customer)
    choose_look(page, house, theme, text)
    assert walk(page, customers_pages(page), pictures, theme) == []
    assert walk(page, payments_pages(page), pictures, theme) == []


def test_axe_would_have_objected(house: House, new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.goto("/help/")
    page.evaluate("document.querySelector('main').innerHTML += '<img src=/x><button></button>'")
    assert len(objections(page)) == 2
