import re
from typing import Any

import pytest
from django.test import Client
from knox.models import AuthToken

from accounts.models import User
from tests.accounts import build

pytestmark = pytest.mark.django_db


@pytest.fixture
def wang() -> User:
    user = build.user(build.PHONE)
    build.bind(user, build.account("8100000001"))
    return user


@pytest.fixture
def browser(client: Client, wang: User) -> Client:
    client.force_login(wang)
    return client


def test_the_page_shows_what_is_his(browser: Client) -> None:
    build.bind(build.user(build.OTHER_PHONE), build.account("8100000002"))
    text = browser.get("/me/").content.decode()
    assert "8100000001" in text
    assert "8100000002" not in text
    assert "138****0001" in text
    assert build.PHONE not in text
    assert "户主" in text


def test_name_and_language_are_saved(browser: Client, wang: User) -> None:
    answer: Any = browser.post("/me/", {"name": "李 四", "language": "en"})
    assert (answer.status_code, answer["Location"]) == (302, "/me/")
    assert answer.cookies["django_language"].value == "en"
    wang.refresh_from_db()
    assert (wang.name, wang.language) == ("李 四", "en")
    assert '<html lang="en"' in browser.get("/me/").content.decode()


@pytest.mark.parametrize("data", [{"name": "<b>", "language": "en"}, {"name": "李", "language": "tlh"}, {}])
def test_what_is_wrong_is_said_and_not_saved(browser: Client, wang: User, data: dict[str, str]) -> None:
    answer = browser.post("/me/", data)
    assert answer.status_code == 200
    assert re.search(r'class="errors" role="alert"', answer.content.decode())
    wang.refresh_from_db()
    assert (wang.name, wang.language) == ("王小明", "zh-hans")


def test_the_list_of_accounts(browser: Client) -> None:
    assert "8100000001" in browser.get("/me/accounts/").content.decode()


def test_without_an_account_the_page_says_what_to_do(client: Client) -> None:
    client.force_login(build.user(build.OTHER_PHONE))
    text = client.get("/me/accounts/").content.decode()
    assert "还没有绑定户号" in text
    assert "/operations/account.bind/" in text


@pytest.mark.parametrize("path", ["/me/", "/me/accounts/"])
def test_nobody_sees_it_without_logging_in(client: Client, path: str) -> None:
    answer: Any = client.get(path)
    assert answer["Location"] == f"/account/login/?next={path}"


@pytest.mark.parametrize("path", ["/me/", "/me/accounts/"])
def test_few_queries_however_many_accounts(
    browser: Client, wang: User, path: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        build.bind(wang, build.account(f"82000000{number:02d}"))
    with django_assert_max_num_queries(11):
        browser.get(path)


def test_a_new_password_ends_the_tokens_of_this_user_alone(browser: Client, wang: User) -> None:
    for user in (wang, other := build.user(build.OTHER_PHONE)):
        AuthToken.objects.create(user)
    typed = {"password1": "correct horse 9", "password2": "correct horse 9"}
    assert browser.post("/account/password/set/", typed).status_code == 302
    assert [token.user for token in AuthToken.objects.all()] == [other]


def test_the_cookie_of_the_language_is_for_no_script(browser: Client) -> None:
    answer: Any = browser.post("/me/", {"name": "", "language": "en"}, secure=True)
    cookie = answer.cookies["django_language"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
