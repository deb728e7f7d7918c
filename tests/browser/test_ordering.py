"""A package ordered on a small screen without scripts: from the offer to the order that is done.

With HALL_PICTURES=FOLDER each page is also photographed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser import steps
from tests.browser.house import House
from tests.browser.test_accessibility import objections, photograph, sideways

pytestmark = pytest.mark.xdist_group("browser")
ACCOUNT = "8800100002"


@pytest.mark.parametrize(("scripts", "offer"), [(False, "bb100"), (True, "basic")])
def test_from_the_offer_to_the_order(
    scripts: bool,
    offer: str,
    house: House,
    new_page: Callable[..., Page],
    customer: StorageState,
    pictures: Path | None,
) -> None:
    page = new_page(storage_state=customer, java_script_enabled=scripts)

    def look(name: str) -> None:
        photograph(page, pictures, f"order-{name}", "light")
        if scripts:
            assert objections(page) == [], name
            assert sideways(page) == 0, name

    page.goto(f"/offers/{offer}/?account={ACCOUNT}")
    page.get_by_role("link", name="订购", exact=True).click()
    look("form")
    page.get_by_role("button", name="看下一张账单，再决定").click()
    expect(page.get_by_role("heading", name="下一张账单会是多少")).to_be_visible()
    look("quote")
    house.wait_until_a_code_may_be_asked_for(steps.CUSTOMER)
    before = len(house.sms(steps.CUSTOMER))
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("短信验证码").fill(house.code(steps.CUSTOMER, after=before))
    page.get_by_label("我已看过以上内容，确认办理").check()
    page.get_by_role("button", name="确认办理").click()
    expect(page.get_by_role("heading", name="办理内容")).to_be_visible()
    for _ in range(20):
        if page.get_by_text("已完成").first.is_visible():
            break
        page.wait_for_timeout(1_000)
        page.reload()
    expect(page.get_by_text("已完成").first).to_be_visible()
    look("done")
    page.goto("/orders/")
    look("list")
