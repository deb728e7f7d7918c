"""A package ordered on a small screen without scripts: from the offer to the service in use and the next bill.

With HALL_PICTURES=FOLDER each page is also photographed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser import steps
from tests.browser.house import House
from tests.browser.test_accessibility import photograph
from tests.browser.walk import dress, objections, watch, wider_by

pytestmark = pytest.mark.xdist_group("browser")
ACCOUNT = "8800100002"
LOOKS = (("dark", "normal", 1280), ("light", "large", 360), ("light", "normal", 360))


# Broadband beside the television, and a second set beside the first.
@pytest.mark.parametrize(
    ("scripts", "offer", "name"), [(False, "bb100", "宽带 100M"), (True, "basic", "基本收视维护费")]
)
def test_from_the_offer_to_the_next_bill(
    scripts: bool,
    offer: str,
    name: str,
    house: House,
    new_page: Callable[..., Page],
    customer: StorageState,
    pictures: Path | None,
) -> None:
    page = new_page(storage_state=customer, java_script_enabled=scripts)
    complaints = watch(page)

    def look(step: str) -> None:
        photograph(page, pictures, f"order-{step}", "light")
        if not scripts:
            return
        for theme, text, width in LOOKS:
            dress(page, theme=theme, text=text, width=width)
            assert objections(page) == [], (step, theme, width)
            assert wider_by(page) <= 0, (step, theme, width)

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
    page.goto(f"/services/?account={ACCOUNT}")
    bought = page.get_by_role("link").filter(has_text=name).last
    expect(bought).to_contain_text("使用中")
    look("services")
    bought.click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    look("service")
    page.goto(f"/bills/next/?account={ACCOUNT}")
    expect(page.get_by_role("row").filter(has_text=name).last).to_be_visible()
    look("next-bill")
    assert complaints == []
