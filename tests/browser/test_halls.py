"""Where the nearest hall is: asked of the browser, after the visitor agreed, and of nobody without scripts."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.xdist_group("browser")
BESIDE_LIUYUAN = {"latitude": 30.2701234, "longitude": 120.1104321}


def first_hall(page: Page) -> Locator:
    return page.locator(".place-card h2").first


def test_the_nearest_hall_comes_first_once_the_visitor_agrees(new_page: Callable[..., Page]) -> None:
    page = new_page(geolocation=BESIDE_LIUYUAN, permissions=["geolocation"])
    page.goto("/halls/?place=DEMO-LS")
    page.get_by_role("button", name="离我最近的在前").click()
    page.wait_for_url(re.compile("near="))
    assert page.url.endswith("?near=30.270%2C120.110")  # no more of it than that
    expect(first_hall(page)).to_have_text("柳园营业厅")
    page.get_by_role("link", name="离我最近的在前").click()
    expect(first_hall(page)).not_to_have_text("柳园营业厅")


def test_who_does_not_agree_is_told_what_else_there_is(new_page: Callable[..., Page]) -> None:
    page = new_page(permissions=[])
    page.goto("/halls/")
    page.get_by_role("button", name="离我最近的在前").click()
    expect(page.get_by_role("status").filter(has_text="请选择城市或区县")).to_be_visible()
    page.get_by_role("link", name="清河市").click()
    page.get_by_role("link", name="城西区").click()
    expect(first_hall(page)).to_have_text("柳园营业厅")


def test_without_scripts_nothing_is_offered_that_needs_them(new_page: Callable[..., Page]) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/halls/")
    expect(page.get_by_text("离我最近的在前")).to_be_hidden()
    page.get_by_role("link", name="只看营业中").click()
    assert page.url.endswith("?open=now")
