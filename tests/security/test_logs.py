"""A whole journey leaves nothing in the logs that tells who it was or opens a door."""

import io
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from core.logs import JsonFormatter, PersonalDataFilter
from notices.models import Delivery
from tests.accounts import build as people
from tests.api.build import Api, token_of
from tests.billing import build, emails

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
PASSWORD = "a-long-password-of-hers-7"
PHONE = "13800000001"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the hall's own handler would write."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(PersonalDataFilter())
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(before)


def test_nothing_secret_stands_in_the_logs(written: io.StringIO) -> None:
    alice = people.user(password=PASSWORD, name="王小明")
    account = build.account(alice)
    bill = build.bill(account)
    web = Client(raise_request_exception=False)
    web.post("/account/login/", {"login": PHONE, "password": "wrong-" + PASSWORD})
    web.post("/account/login/", {"login": PHONE, "password": PASSWORD})
    session = web.session.session_key or ""
    web.get(f"/bills/?phone={PHONE}&email=wang@example.com")
    web.get(f"/bills/{bill.number}/")
    web.post("/pay/", {"account": account.number, "amount": "26.00", "gateway": "alipay"})
    emails.ask(account, alice)
    token = token_of(alice)
    Api(token).get(f"/api/bills/?account={account.number}&phone={PHONE}")
    Api(token + "x").get("/api/bills/")
    web.get(f"/p/{'s' * 43}/?{PHONE}")
    web.get(f"/nothing/{PHONE}/")
    web.get("/bills/", HTTP_HOST="evil.example")
    web.post("/account/login/code/", {"phone": PHONE})
    text = written.getvalue()
    bodies = list(Delivery.objects.exclude(body="").values_list("body", flat=True))
    assert "hall.access" in text
    secret = [PHONE, PHONE[3:], "wang@example.com", PASSWORD, token, session, "s" * 43, "王小明", *bodies]
    assert [each for each in secret if each and each in text] == []


def test_who_asks_for_what_is_not_his_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    bill, bob = build.bill(build.account(people.user())), people.user(people.OTHER_PHONE)
    web = Client()
    web.force_login(bob)
    assert web.get(f"/bills/{bill.number}/").status_code == 404
    (noted,) = refused(caplog)
    assert (noted.levelname, noted.__dict__["user_id"]) == ("WARNING", bob.pk)
    assert bill.number not in caplog.text
    caplog.clear()
    assert web.get("/bills/").status_code == 200
    assert web.get("/no-page-of-ours/").status_code == 404
    assert Client().get(f"/bills/{bill.number}/").status_code == 302
    assert refused(caplog) == []


def refused(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.getMessage() == "no such thing for this user"]
