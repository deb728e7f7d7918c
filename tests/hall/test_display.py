"""Theme and text size: two cookies, and no way to send a visitor elsewhere."""

import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db
CHOICE = {"theme": "dark", "text": "large", "next": "/help/?a=1"}


def test_the_choice_is_kept_and_shown_on_every_page(client: Client) -> None:
    answer = client.post("/display/", CHOICE)
    assert (answer.status_code, answer["Location"]) == (302, "/help/?a=1")
    assert answer.cookies["theme"].value == "dark"
    assert answer.cookies["text"]["samesite"] == "Lax"
    page = client.get("/help/").content.decode()
    assert 'data-theme="dark"' in page
    assert 'data-text="large"' in page


def test_what_is_not_on_offer_is_not_kept(client: Client) -> None:
    answer = client.post("/display/", {"theme": '"><script>', "text": "huge", "next": "/"})
    assert answer.status_code == 302
    assert not answer.cookies


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil.example", ""]
)
def test_next_leads_to_our_own_pages_only(client: Client, elsewhere: str) -> None:
    assert client.post("/display/", CHOICE | {"next": elsewhere})["Location"] == "/"


def test_looking_changes_nothing(client: Client) -> None:
    assert client.get("/display/", CHOICE).status_code == 405


def test_a_foreign_page_cannot_choose(settings: Settings) -> None:
    assert Client(enforce_csrf_checks=True).post("/display/", CHOICE).status_code == 403


def test_a_cookie_that_was_tampered_with_counts_for_nothing(client: Client) -> None:
    client.cookies["theme"] = "evil"
    assert 'data-theme="auto"' in client.get("/help/").content.decode()


def test_the_style_guide_is_for_developers(client: Client, settings: Settings) -> None:
    assert client.get("/styleguide/").status_code == 404
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    assert client.get("/styleguide/").status_code == 200
