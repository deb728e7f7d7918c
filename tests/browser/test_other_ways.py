"""The hall without a mouse, on paper, in the reader's own colours, in large type, and without a network."""

import re
from collections.abc import Callable

import pypdfium2
import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser import steps
from tests.browser.house import House
from tests.browser.walk import objections, watch

pytestmark = pytest.mark.xdist_group("browser")
TABS = 80  # more than any page of ours has stops


def held(page: Page) -> dict[str, str]:
    """What has the focus: its text, its label's, and whether one can see that it has it."""
    found: dict[str, str] = page.evaluate(
        """() => {
            const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
            const label = [...(it.labels || [])].map(each => each.textContent).join(" ");
            const around = it.closest("label") ? getComputedStyle(it.closest("label")).outlineStyle : "none";
            return {
                text: (it.textContent + " " + label + " " + (it.getAttribute("aria-label") || "")).trim(),
                mark: style.outlineStyle !== "none" ? style.outlineStyle : around,
                inside: String(box.bottom > 0 && box.top < innerHeight && box.width > 0),
            };
        }"""
    )
    return found


def tab_to(page: Page, text: str) -> None:
    """Presses Tab until something with this text has the focus; every stop on the way can be seen."""
    for _ in range(TABS):
        page.keyboard.press("Tab")
        now = held(page)
        if re.search(text, now["text"]) and len(now["text"]) < 200:
            assert now["mark"] != "none", f"the focus on {text} cannot be seen"
            assert now["inside"] == "true", f"the focus on {text} is outside the window"
            return
    raise AssertionError(f"no way to {text} by keyboard on {page.url}")


def press(page: Page, text: str, key: str = "Enter") -> None:
    tab_to(page, text)
    with page.expect_navigation():
        page.keyboard.press(key)


def test_by_keyboard_a_customer_logs_in_pays_and_reads_his_receipt(
    house: House, new_page: Callable[..., Page]
) -> None:
    page = new_page(viewport={"width": 1280, "height": 800})
    house.wait_until_a_code_may_be_asked_for(steps.CUSTOMER)
    before = len(house.sms(steps.CUSTOMER))
    page.goto("/account/login/")
    page.keyboard.type(steps.CUSTOMER)  # the field has the focus
    page.keyboard.press("Enter")
    expect(page.get_by_label("6 位验证码")).to_be_focused()
    page.keyboard.type(house.code(steps.CUSTOMER, after=before))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto("/pay/?account=8800100002")
    tab_to(page, "缴费金额")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("1.50")
    press(page, "下一步：核对")
    tab_to(page, "我已看过以上内容")
    page.keyboard.press("Space")
    press(page, "确认，去付款")
    press(page, "确认付款")  # the cashier's page is not ours, but a stand-in is made for everybody, too
    expect(page.get_by_role("heading", level=1)).to_have_text("支付成功")
    press(page, "查看收据")
    expect(page.locator(".slip .amount__value")).to_have_text("¥1.50")


def test_the_first_stop_leads_past_the_header(new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.goto("/help/")
    page.keyboard.press("Tab")
    assert held(page)["text"] == "跳到主要内容"
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_menu_closes_by_keyboard_and_gives_the_focus_back(new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.goto("/help/")
    tab_to(page, "字体、颜色和语言")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="大字")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="大字")).to_be_hidden()
    assert "字体、颜色和语言" in held(page)["text"]


@pytest.mark.parametrize(("listed", "kept"), [("/bills/?period=all", "账单信息"), ("/receipts/", "缴费收据")])
def test_on_paper_it_is_one_sheet_without_the_frame(
    listed: str, kept: str, new_page: Callable[..., Page], customer: StorageState
) -> None:
    page = new_page(storage_state=customer)
    page.goto(listed)
    with page.expect_navigation():
        page.locator("main .rows a.row").last.click()
    document = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    assert len(document) == 1
    text = document[0].get_textpage().get_text_range()
    assert kept in text
    for frame in ("跳到主要内容", "我的办理", "下载 PDF", "退出登录", "看看帮助"):
        assert frame not in text


def test_the_readers_own_colours_keep_every_border(
    new_page: Callable[..., Page], customer: StorageState
) -> None:
    page = new_page(storage_state=customer, forced_colors="active")
    watch(page)
    for path in ("/", "/pay/", "/bills/"):
        page.goto(path)
        assert objections(page) == []
    page.goto("/pay/")
    edge = page.get_by_role("button", name="下一步：核对").evaluate(
        "it => getComputedStyle(it).borderTopWidth"
    )
    assert edge != "0px"


def test_large_type_is_larger_and_shows_less(
    house: House, new_page: Callable[..., Page], customer: StorageState
) -> None:
    page = new_page(storage_state=customer)
    page.goto("/bills/")
    row = page.locator("main .rows a.row").first
    size = "it => parseFloat(getComputedStyle(it).fontSize)"
    before = row.evaluate(size)
    page.get_by_text("字体、颜色和语言").locator("..").click()
    page.get_by_role("button", name="大字").click()
    assert row.evaluate(size) >= 1.25 * before
    expect(row.locator(".row__icon")).to_be_hidden()
    heights = page.locator("main a.row, main .btn").evaluate_all(
        "all => all.filter(it => it.checkVisibility()).map(it => it.getBoundingClientRect().height)"
    )
    assert min(heights) >= 48


def test_without_a_network_a_page_of_ours_says_so_and_nothing_personal_is_kept(
    new_page: Callable[..., Page], customer: StorageState
) -> None:
    page = new_page(storage_state=customer)
    page.goto("/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    expect(page.locator(".due")).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator("#net-note")).to_contain_text("现在没有网络")
    page.goto("/bills/")
    expect(page.get_by_role("heading", level=1)).to_have_text("现在没有网络")
    kept = page.evaluate(
        """async () => {
            const stores = await Promise.all((await caches.keys()).map(name => caches.open(name)));
            const all = await Promise.all(stores.map(store => store.keys()));
            return all.flat().map(each => new URL(each.url).pathname);
        }"""
    )
    assert sorted(kept) == [
        "/offline/",
        "/static/bundles/hall.css",
        "/static/img/drawings.svg",
        "/static/img/favicon.svg",
    ]
    page.context.set_offline(False)
    page.goto("/bills/")
    expect(page.get_by_role("heading", level=1)).to_have_text("我的账单")
