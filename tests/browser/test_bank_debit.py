"""Bank debit in a browser: signed on the bank's page, shown at the balance, ended as easily.

With HALL_PICTURES=FOLDER each page is also photographed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.house import House
from tests.browser.test_accessibility import choose_look, follow, objections, photograph, sideways

pytestmark = pytest.mark.xdist_group("browser")
LOOKS = [("light", "normal"), ("dark", "large")]


@pytest.mark.parametrize(("theme", "size"), LOOKS)
def test_signed_at_the_bank_and_ended(
    theme: str,
    size: str,
    house: House,
    new_page: Callable[..., Page],
    customer: StorageState,
    pictures: Path | None,
) -> None:
    page = new_page(storage_state=customer, java_script_enabled=theme == "dark")  # works without, too
    choose_look(page, house, theme, size)

    def look(name: str) -> None:
        photograph(page, pictures, f"debit-{name}", theme)
        if theme == "dark":
            assert objections(page) == [], name
            assert sideways(page) == 0, name

    page.goto("/balance/")
    look("none")
    follow(page, page.get_by_role("link", name="开通银行代扣"))
    page.get_by_label("每笔最多扣款（元）").fill("300")
    look("form")
    follow(page, page.get_by_role("button", name="下一步"))
    look("quote")
    page.get_by_label("我已看过以上内容，确认办理").check()
    page.get_by_role("button", name="确认").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("签订代扣协议")
    photograph(page, pictures, "debit-bank", theme)
    page.goto(f"{house.url}/balance/")
    expect(page.get_by_role("link", name="放弃签约")).to_be_visible()
    look("pending")
    page.get_by_role("link", name="去银行签约").click()
    page.get_by_role("button", name="同意并签约").click()
    expect(page.get_by_text("银行代扣已开通，每笔扣款前都会短信通知您。")).to_be_visible()
    expect(page.get_by_text("¥300.00")).to_be_visible()
    look("active")
    follow(page, page.get_by_role("link", name="终止银行代扣"))
    follow(page, page.get_by_role("button", name="下一步"))
    look("end-quote")
    page.get_by_label("我已看过以上内容，确认办理").check()
    follow(page, page.get_by_role("button", name="确认").first)
    expect(page.get_by_text("银行代扣已终止")).to_be_visible()
    page.goto("/balance/")
    expect(page.get_by_role("link", name="开通银行代扣")).to_be_visible()
