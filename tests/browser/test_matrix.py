"""Every page that a customer, a newcomer or a stranger can open, in both languages, both themes and every width.

The pages are found by following links, so that a new one is looked at without being named here.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, StorageState

from tests.browser.house import House
from tests.browser.walk import dress, objections, pages_of, watch, wider_by

pytestmark = pytest.mark.xdist_group("browser")
WIDTHS = (360, 1280)
LANGUAGES = {"zh-hans": "zh-CN", "en": "en-GB"}
# These depend on colours alone: in the second theme nothing else can differ.
COLOURS = ("color-contrast", "link-in-text-block")
HOME = "/"  # a page of its own for each of them
# Fewer would mean that the walk lost its way.
AT_LEAST = {"stranger": 15, "newcomer": 30, "customer": 40}


def looked_at(page: Page, kinds: dict[str, str], language: str) -> list[str]:
    """What is wrong with the pages in this language, in light and dark, narrow and wide."""
    wrong = []
    complaints = watch(page)
    for path in kinds.values():
        page.goto(path)
        found = [] if page.locator("html").get_attribute("lang") == language else ["wrong lang"]
        for width in WIDTHS:
            dress(page, width=width)
            found += [f"light {width}: {each}" for each in objections(page)]
            found += [f"{wider} px wider than {width}" for wider in [wider_by(page)] if wider > 0]
            dress(page, width=width, theme="dark")
            found += [f"dark {width}: {each}" for each in objections(page, COLOURS)]
        wrong += [f"{path} {language} {each}" for each in found]
    return wrong + complaints


def reflowed(page: Page, kinds: dict[str, str]) -> list[str]:
    """Which pages are wider than a window of 320 px (1280 px at 400 %), or with large type than a narrow phone."""
    wrong = []
    for path in kinds.values():
        page.goto(path)
        for width, text in ((320, "normal"), (360, "large"), (320, "large")):
            dress(page, width=width, text=text)
            if wider := wider_by(page):
                wrong.append(f"{path} {text} text: {wider} px wider than {width}")
    return wrong


def speaking(language: str, page: Page, house: House) -> Page:
    """What the visitor chose in the header; who logs in brings the language of his account instead."""
    page.context.add_cookies([{"name": "django_language", "value": language, "url": house.url}])
    return page


_walked: dict[tuple[str, str], dict[str, str]] = {}


def pages(page: Page, house: House, who: str) -> dict[str, str]:
    """Found once for all tests: links lead to the same pages whatever the language."""
    key = (house.url, who)
    if key not in _walked:
        _walked[key] = pages_of(page)
    kinds = _walked[key]
    assert len(kinds) >= AT_LEAST[who], f"{who} found only {sorted(kinds.values())}"
    return dict(kinds)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_sound_in_every_look(
    language: str, house: House, new_page: Callable[..., Page], customer: StorageState
) -> None:
    stranger = speaking(language, new_page(locale=LANGUAGES[language]), house)
    public = pages(stranger, house, "stranger")
    wrong = looked_at(stranger, public, language)
    page = speaking(language, new_page(locale=LANGUAGES[language], storage_state=customer), house)
    own = pages(page, house, "customer")
    wrong += looked_at(
        page, {kind: own[kind] for kind in own if kind == HOME or kind not in public}, language
    )
    assert wrong == []


def test_pages_with_nothing_on_them_are_sound(
    house: House, new_page: Callable[..., Page], newcomer: StorageState
) -> None:
    public = pages(new_page(), house, "stranger")
    page = new_page(storage_state=newcomer)
    own = {
        kind: path
        for kind, path in pages(page, house, "newcomer").items()
        if kind == HOME or kind not in public
    }
    assert looked_at(page, own, "zh-hans") == []


def test_every_page_flows_into_a_window_of_320_pixels(
    house: House, new_page: Callable[..., Page], customer: StorageState
) -> None:
    page = speaking("en", new_page(storage_state=customer), house)
    assert reflowed(page, pages(page, house, "customer")) == []


def test_every_component_is_sound_in_every_look(new_page: Callable[..., Page]) -> None:
    page = new_page()
    assert looked_at(page, {"styleguide": "/styleguide/"}, "zh-hans") == []


def test_axe_and_the_rulers_would_have_objected(new_page: Callable[..., Page]) -> None:
    page = new_page()
    complaints = watch(page)
    page.goto("/help/")
    page.evaluate(
        """document.querySelector("main").innerHTML += "<img src=/nothing-here><button></button>"
            + "<p><span class=wide>" + "x".repeat(400) + "</span></p>";
        document.querySelector(".wide").setAttribute("class", "number");"""
    )
    page.wait_for_load_state("networkidle")
    assert len(objections(page)) == 2
    assert wider_by(page) > 100
    assert len(complaints) == 1
