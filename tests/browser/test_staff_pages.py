"""One staff page of each sort, in both languages and themes, narrow and wide: what axe and the ruler find."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser import steps
from tests.browser.house import House
from tests.browser.walk import objections, watch, wider_by

pytestmark = pytest.mark.xdist_group("browser")
PAGES = {
    "index": "/admin/",
    "list": "/admin/accounts/post/",
    "form": "/admin/auth/group/1/change/",
    "action": "/admin/accounts/certificate/act/revoke/?ids=1",
    "approvals": "/admin/core/approval/waiting/",
    "audit": "/admin/core/auditrow/",
    "status": "/admin/core/heartbeat/status/",
    "serving": "/admin/operations/servingsession/desk/",
    "offer": "/admin/catalog/offer/1/change/",
    "publishing calendar": "/admin/catalog/offer/calendar/",
    "price book": "/admin/catalog/price/",
    "orders by step and age": "/admin/catalog/order/desk/",
    "stock": "/admin/resources/stockitem/",
    "provisioning": "/admin/resources/command/",
    "numbers to accounts": "/admin/resources/numbersearch/funnel/",
    "second factor": "/account/2fa/",
}
# Django's own search boxes, the bars that the theme's script makes, and the theme's column without a head in which a
# row of an inline table is marked to be left out: not ours to mend.
THEIRS = ("help-tooltip", "simplebar-content-wrapper", "empty-table-header")
LOOKS = (("zh-hans", "light", 1280), ("en", "dark", 360))


def wrong_with(page: Page, name: str) -> list[str]:
    ours = [each for each in objections(page) if not any(part in each for part in THEIRS)]
    found = ours + [f"{wider} px too wide" for wider in [wider_by(page)] if wider > 0]
    return [f"{name}: {each}" for each in found]


def test_staff_pages_are_sound(house: House, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport={"width": 360, "height": 800})
    complaints = watch(page)
    steps.give_staff_password(page, house, "staff")
    wrong = wrong_with(page, "code")
    page.locator("input[name=code]").fill(house.manage("totp", "staff", "--skip-checks").strip())
    page.locator("input[name=code]").press("Enter")
    page.locator("#nav-sidebar, #page, main").first.wait_for()
    for language, theme, width in LOOKS:
        page.context.add_cookies([{"name": "django_language", "value": language, "url": house.url}])
        page.context.add_cookies([{"name": "theme", "value": theme, "url": house.url}])
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 800})
        for name, path in PAGES.items():
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 200, path
            wrong += wrong_with(page, f"{name} {language} {theme} {width}")
    assert wrong + complaints == []
