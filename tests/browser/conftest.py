"""A real browser before the real processes. Playwright lives for one test at a time: its event loop must not be
running while other tests use Django's database."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, ConsoleMessage, Page, StorageState, expect, sync_playwright

from tests.browser import steps
from tests.browser.house import House, open_house

# The browsers of the distributions need these where they run as root or without a display.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000  # milliseconds
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[House]:
    """The hall with its demo data; one for all browser tests of this process."""
    number = 15 - int(worker_id.removeprefix("gw") or 0) if worker_id != "master" else 15
    redis_url = f"{settings.REDIS_URL.rpartition('/')[0]}/{number}"
    folder = tmp_path_factory.mktemp("house")
    with open_house(folder, database_url=os.environ["DATABASE_URL"], redis_url=redis_url) as opened:
        yield opened


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = os.environ.get("HALL_CHROMIUM", "/usr/bin/chromium")
        launched = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield launched
        launched.close()


@pytest.fixture
def new_page(browser: Browser, house: House) -> Iterator[Callable[..., Page]]:
    """Opens a page of a context of its own, as a Chinese customer with a phone; options as for new_context."""
    contexts = []
    troubles: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            troubles.append(message.text)

    def make(**options: Any) -> Page:
        given: dict[str, Any] = {
            "base_url": house.url,
            "locale": "zh-CN",
            "timezone_id": "Asia/Shanghai",
            "viewport": {"width": 360, "height": 780},
        }
        context = browser.new_context(**(given | options))
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert not troubles, "the browser complained about our pages"


_logged_in: dict[tuple[str, str], StorageState] = {}


@pytest.fixture
def customer(new_page: Callable[..., Page], house: House) -> StorageState:
    """What the browser of the demo's first customer holds once he is logged in; he logs in once for all tests."""
    return _logged_in_as(steps.CUSTOMER, new_page, house)


@pytest.fixture
def newcomer(new_page: Callable[..., Page], house: House) -> StorageState:
    """The same of the demo's newcomer, who has bound nothing until some test does."""
    return _logged_in_as(steps.NEWCOMER, new_page, house)


def _logged_in_as(phone: str, new_page: Callable[..., Page], house: House) -> StorageState:
    key = (house.url, phone)
    if key not in _logged_in:
        page = new_page()
        steps.log_in(page, house, phone)
        _logged_in[key] = page.context.storage_state()
    return _logged_in[key]


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where to leave pictures of the pages, if HALL_PICTURES names a folder."""
    folder = os.environ.get("HALL_PICTURES")
    return Path(folder) if folder else None
