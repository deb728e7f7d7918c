"""Bills by e-mail in a browser: asked for, confirmed by the link in the mail, ended by the link in the mail.

With HALL_PICTURES=FOLDER each page is also photographed.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.house import House
from tests.browser.test_accessibility import choose_look, follow, objections, photograph, sideways
from tests.sandbox import process

pytestmark = pytest.mark.xdist_group("browser")
LOOKS = [("light", "normal"), ("dark", "large")]


def newest_mail(house: House, to: str) -> dict[str, Any]:
    found: Any = None

    def arrived() -> bool:
        nonlocal found
        found = house.sandbox.get("/mail/api/letters", to=to).json()["letters"]
        return bool(found)

    process.until(arrived, 30.0)
    return dict(found[0])


def links(mail: dict[str, Any]) -> list[str]:
    return re.findall(r"https?://\S+", mail["text"])


@pytest.mark.parametrize(("theme", "size"), LOOKS)
def test_asked_for_confirmed_and_ended(
    theme: str,
    size: str,
    house: House,
    new_page: Callable[..., Page],
    customer: StorageState,
    pictures: Path | None,
) -> None:
    page = new_page(storage_state=customer, java_script_enabled=theme == "dark")  # works without, too
    choose_look(page, house, theme, size)
    address = f"{theme}@example.com"

    def look(name: str) -> None:
        photograph(page, pictures, f"email-{name}", theme)
        if theme == "dark":
            assert objections(page) == [], name
            assert sideways(page) == 0, name

    page.goto("/email-bills/")
    look("none")
    follow(page, page.get_by_role("link", name="开通").nth(0 if theme == "dark" else 1))
    page.get_by_role("textbox", name="邮箱").fill("wang@@example")
    follow(page, page.get_by_role("button", name="下一步"))
    look("form-refused")
    page.get_by_role("textbox", name="邮箱").fill(address)
    page.get_by_label(re.compile("我同意")).check()
    follow(page, page.get_by_role("button", name="下一步"))
    look("quote")
    page.get_by_label("我已看过以上内容，确认办理").check()
    follow(page, page.get_by_role("button", name=re.compile("^确认")))
    expect(page.get_by_text(f"确认邮件已发往 {address}")).to_be_visible()
    look("pending")
    confirming, refusing = links(newest_mail(house, address))
    page.goto(confirming)
    look("confirm")
    follow(page, page.get_by_role("button", name="确认"))
    expect(page.get_by_text(f"账单寄到 {address}")).to_be_visible()
    look("active")
    page.goto("/me/")
    look("profile")
    page.goto(refusing)
    look("unsubscribe")
    follow(page, page.get_by_role("button", name="退订"))
    expect(page.get_by_role("heading", level=1)).to_have_text("已退订")
    look("unsubscribed")
    page.goto(confirming)
    expect(page.get_by_role("heading", level=1)).to_contain_text("已失效")
    look("link-ended")
