"""English words are longer: the pages must hold them on a narrow phone, too, with normal and with large text.

With HALL_PICTURES=FOLDER each page is also photographed at 360 and 1280 px.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.house import House
from tests.browser.test_accessibility import WIDTHS, choose_look, photograph, sideways

pytestmark = pytest.mark.xdist_group("browser")
VISITORS = {"welcome": "/", "help": "/help/", "login": "/account/login/", "signup": "/account/signup/"}
CUSTOMERS = {
    "home": "/",
    "bills": "/bills/?period=all",
    "receipts": "/receipts/",
    "requests": "/requests/",
    "operations": "/operations/",
    "profile": "/me/",
    "messages": "/me/messages/",
    "bind": "/operations/account.bind/",
    "pay": "/pay/",
    "balance": "/balance/",
    "balance-topup": "/operations/balance.topup/",
    "balance-auto-use": "/operations/balance.auto_use/",
    "balance-refund": "/operations/balance.refund/",
    "refunds": "/refunds/",
    "export": "/bills/export/",
    "email-bills": "/email-bills/",
    "email-subscribe": "/operations/bill.email_subscribe/",
    "pay-other": "/pay/other/",
}


def opened(page: Page, paths: dict[str, str]) -> Iterator[str]:
    for name, path in paths.items():
        page.goto(path)
        yield name


def further_pages(page: Page) -> Iterator[str]:
    """From the form of paying to the quote; a bill and its dispute; a receipt."""
    page.goto("/pay/")
    page.get_by_role("button", name="Next: check").click()
    expect(page.get_by_role("button", name="Confirm and pay")).to_be_visible()
    yield "pay-quote"
    page.goto("/bills/?account=8800100001")
    page.locator("main .rows a.row").first.click()
    yield "bill"
    page.get_by_role("link", name="Dispute this bill").click()
    expect(page.get_by_role("radio", name="The amount is wrong")).to_be_visible()
    yield "bill-dispute"
    page.goto("/receipts/")
    page.locator("main .rows a.row").first.click()
    yield "receipt"


def too_wide(page: Page, names: Iterator[str], folder: Path | None, look: str) -> list[str]:
    wrong = []
    for name in names:
        expect(page.locator("html")).to_have_attribute("lang", "en")
        wrong += [f"{name}: {wider} px wider than the window" for wider in [sideways(page)] if wider]
        wrong += [f"{name}: “{text}” is cut off" for text in cut_off(page)]
        photograph(page, folder, f"en-{name}", look)
    return wrong


def cut_off(page: Page) -> list[str]:
    """Texts that do not fit into what holds them."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll("a, button, label, summary, h1, h2, p, dt, dd, .badge")]
            .filter(each => each.checkVisibility() && !each.closest(".visually-hidden, .skip"))
            .filter(each => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline")
            .map(each => each.textContent.trim().slice(0, 60))"""
    )
    return found


@pytest.mark.parametrize("text", ["normal", "large"])
def test_english_pages_fit(
    text: str, house: House, new_page: Callable[..., Page], customer: StorageState, pictures: Path | None
) -> None:
    visitor, reader = new_page(locale="en-GB"), new_page(locale="en-GB", storage_state=customer)
    wrong = []
    for page in (visitor, reader):
        choose_look(page, house, "light", text)
        page.context.add_cookies([{"name": "django_language", "value": "en", "url": house.url}])  # his choice
    wrong += too_wide(visitor, opened(visitor, VISITORS), pictures, text)
    wrong += too_wide(reader, opened(reader, CUSTOMERS), pictures, text)
    wrong += too_wide(reader, further_pages(reader), pictures, text)
    assert wrong == []
    assert WIDTHS == (360, 1280)
