"""Takes the pictures that the repository holds: `python -m tests.browser.pictures [icons] [pages]`, as script/pictures
does.

icons   the web app's icons and the share card, drawn from the SVGs in static/img
pages   twelve pages of the demo hall, for docs/pictures
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, StorageState, sync_playwright

from tests.browser import steps
from tests.browser.house import REPOSITORY, House, open_house

IMAGES = REPOSITORY / "static" / "img"
PAGES = REPOSITORY / "docs" / "pictures"
# Source, target, width, height.
ICONS = (
    ("favicon.svg", "favicon.png", 48, 48),
    ("favicon.svg", "icon-192.png", 192, 192),
    ("favicon.svg", "icon-512.png", 512, 512),
    ("icon-maskable.svg", "icon-maskable-512.png", 512, 512),
    ("icon-maskable.svg", "apple-touch-icon.png", 180, 180),
    ("share-card.svg", "share-card.png", 1200, 630),
)
WIDE, NARROW = (1280, 860), (360, 780)
# Name, path, window, theme, language, text, whether logged in.
SHOTS = (
    ("welcome", "/", WIDE, "light", "zh-CN", "normal", False),
    ("home", "/", WIDE, "light", "zh-CN", "normal", True),
    ("home-phone-dark", "/", NARROW, "dark", "zh-CN", "normal", True),
    ("home-large-type", "/", NARROW, "light", "zh-CN", "large", True),
    ("bills", "/bills/?period=all", WIDE, "light", "zh-CN", "normal", True),
    ("bill", "/bills/?account=8800100001", WIDE, "light", "zh-CN", "normal", True),
    ("pay-phone", "/pay/", NARROW, "light", "zh-CN", "normal", True),
    ("receipt-english", "/receipts/", NARROW, "light", "en-GB", "normal", True),
    ("services-english", "/operations/", WIDE, "dark", "en-GB", "normal", True),
    ("offers", "/offers/", WIDE, "light", "zh-CN", "normal", False),
    ("next-bill", "/bills/next/", WIDE, "light", "zh-CN", "normal", True),
    ("help", "/help/", WIDE, "light", "zh-CN", "normal", False),
)
FIRST_OF_LIST = ("bill", "receipt-english")  # of these lists the first entry is opened
COLOURS = 128


def main(wanted: Sequence[str]) -> int:
    with browser() as opened:
        if not wanted or "icons" in wanted:
            draw_icons(opened)
        if not wanted or "pages" in wanted:
            with tempfile.TemporaryDirectory() as folder, _house(Path(folder)) as house:
                photograph(opened, house)
    return 0


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = os.environ.get("HALL_CHROMIUM", "/usr/bin/chromium")
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


def draw_icons(opened: Browser) -> None:
    for source, target, width, height in ICONS:
        page = opened.new_page(viewport={"width": width, "height": height})
        drawing = (IMAGES / source).read_text(encoding="utf-8")
        page.set_content(f"<style>*{{margin:0}}svg{{display:block;width:{width}px}}</style>{drawing}")
        save(page.screenshot(omit_background=True), IMAGES / target)
        page.close()


def photograph(opened: Browser, house: House) -> None:
    customer = _customer(opened, house)
    for name, path, window, theme, language, text, is_customer in SHOTS:
        page = _page(opened, house, window, language, customer if is_customer else None)
        looks = {"theme": theme, "text": text, "django_language": "en" if language == "en-GB" else "zh-hans"}
        page.context.add_cookies([{"name": k, "value": v, "url": house.url} for k, v in looks.items()])
        page.goto(path)
        if name in FIRST_OF_LIST:
            with page.expect_navigation():
                page.locator("main .rows a.row").first.click()
        page.wait_for_load_state("networkidle")
        save(page.screenshot(), PAGES / f"{name}.png")
        page.context.close()


def save(picture: bytes, target: Path) -> None:
    """With few colours, which our flat pages bear well, and so a fraction of the bytes."""
    image = Image.open(io.BytesIO(picture))
    if image.mode == "RGBA" and image.getchannel("A").histogram()[255] < image.width * image.height:
        small = image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
    else:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    target.parent.mkdir(parents=True, exist_ok=True)
    small.save(target, optimize=True)
    print(f"{target.relative_to(REPOSITORY)}  {target.stat().st_size:,} bytes")


def _page(
    opened: Browser, house: House, window: tuple[int, int], language: str, state: StorageState | None
) -> Page:
    context = opened.new_context(
        base_url=house.url,
        locale=language,
        timezone_id="Asia/Shanghai",
        viewport={"width": window[0], "height": window[1]},
        storage_state=state,
    )
    return context.new_page()


def _customer(opened: Browser, house: House) -> StorageState:
    page = _page(opened, house, WIDE, "zh-CN", None)
    steps.log_in(page, house, steps.CUSTOMER)
    state = page.context.storage_state()
    page.context.close()
    return state


@contextmanager
def _house(folder: Path) -> Iterator[House]:
    urls = {"database_url": os.environ["DATABASE_URL"], "redis_url": os.environ["REDIS_URL"]}
    with open_house(folder, **urls) as house:
        yield house


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
