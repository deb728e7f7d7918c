"""One stylesheet, one script, few bytes; what a phone needs to install the hall; pages for what goes wrong."""

import json
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.exceptions import RequestDataTooBig
from django.test import Client, RequestFactory
from PIL import Image

from hall import bundles, errors

pytestmark = pytest.mark.django_db
HOME_BYTES = 150_000
LOADED = re.compile(r'(?:<script src|<link rel="stylesheet" href|<img src|<use href)="/static/([^"#]+)')


def file_of(name: str) -> Path:
    found = finders.find(name)
    assert isinstance(found, str), name
    return Path(found)


def test_a_page_asks_for_one_stylesheet_and_one_script(client: Client) -> None:
    page = client.get("/").content.decode()
    assert re.findall(r'<link rel="stylesheet" href="([^"]+)"', page) == ["/static/bundles/hall.css"]
    assert re.findall(r'<script[^>]* src="([^"]+)"', page) == ["/static/bundles/hall.js"]
    assert "<style" not in page
    assert " style=" not in page


def test_the_first_page_weighs_little_before_anything_is_compressed(client: Client) -> None:
    answer = client.get("/")
    loaded = set(LOADED.findall(answer.content.decode()))
    assert {"bundles/hall.css", "bundles/hall.js"} <= loaded
    assert len(answer.content) + sum(file_of(name).stat().st_size for name in loaded) <= HOME_BYTES


def test_a_bundle_holds_its_sources_in_order_and_follows_them(tmp_path: Path) -> None:
    text = file_of("bundles/hall.css").read_text(encoding="utf-8")
    assert text.index("--paper:") < text.index(".btn {") < text.index(".card {") < text.index("@media print")
    assert "/*" not in text
    made = bundles.made("bundles/hall.js")
    made.write_text("old", encoding="utf-8")  # and with it a time that is not that of the newest source
    assert "htmx" in bundles.made("bundles/hall.js").read_text(encoding="utf-8")


def test_bundles_are_collected_with_everything_else() -> None:
    listed = [name for name, _storage in bundles.BundleFinder().list(None)]
    assert listed == ["bundles/hall.css", "bundles/hall.js"]
    assert [name for name, _ in bundles.BundleFinder().list(["*.js"])] == ["bundles/hall.css"]
    assert bundles.BundleFinder().find("bundles/other.css") == []


def test_a_bundle_without_its_source_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bundles.BUNDLES, "bundles/hall.css", ("css/not-there.css",))
    with pytest.raises(bundles.SourceMissing, match=r"css/not-there\.css"):
        bundles.made("bundles/hall.css")


@pytest.mark.parametrize(("language", "short"), [("zh-hans", "缴费"), ("en", "")])
def test_a_phone_may_install_the_hall(client: Client, language: str, short: str) -> None:
    client.cookies["django_language"] = language
    answer = client.get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    told = json.loads(answer.content)
    assert (told["start_url"], told["display"], told["lang"]) == ("/", "standalone", language)
    assert short in told["shortcuts"][0]["name"]
    for icon in told["icons"]:
        width, height = (int(side) for side in icon["sizes"].split("x"))
        with Image.open(file_of(icon["src"].removeprefix("/static/"))) as picture:
            assert picture.size == (width, height)
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}


def test_a_link_to_the_hall_shows_its_card_and_nothing_personal(client: Client) -> None:
    page = client.get("/help/").content.decode()
    assert re.search(r'og:image" content="http[^"]+/static/img/share-card\.png"', page)
    with Image.open(file_of("img/share-card.png")) as picture:
        assert picture.size == (1200, 630)


def test_the_service_worker_keeps_only_what_is_everybodys(client: Client) -> None:
    answer = client.get("/sw.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "no-cache"
    kept = re.search(r"const KEPT = \[(.+)\];", answer.content.decode())
    assert kept is not None
    assert [each.strip('" ') for each in kept[1].split(",")] == [
        "/offline/",
        "/static/bundles/hall.css",
        "/static/img/drawings.svg",
        "/static/img/favicon.svg",
    ]


def test_the_offline_page_speaks_both_languages(client: Client) -> None:
    page = client.get("/offline/").content.decode()
    assert '<html lang="zh-hans">' in page
    assert re.search(r'lang="en">\s*<h2>No network', page)


def test_what_is_too_large_is_told_so() -> None:
    answer = errors.bad_request(RequestFactory().post("/"), RequestDataTooBig("too big"))
    assert answer.status_code == 413
    assert "换小一点的再试" in answer.content.decode()
    assert errors.bad_request(RequestFactory().get("/"), ValueError()).status_code == 400


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/pay/?account=1", "/pay/?account=1"),
        ("https://evil.example/pay/", ""),
        ("", ""),
    ],
)
def test_a_form_without_its_token_leads_back_to_its_own_page(referer: str, back: str) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/display/", HTTP_REFERER=referer)
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "没有扣款" in page
    assert f'href="{back or "/"}"' in page
    assert ("回到刚才的页面</a>" in page) is bool(back)


def test_a_missing_page_offers_ways_on(client: Client) -> None:
    answer = client.get("/nothing-here/")
    assert answer.status_code == 404
    page = answer.content.decode()
    assert "没有找到这一页" in page
    assert 'href="/pay/"' in page
    assert 'href="/account/login/"' in page
