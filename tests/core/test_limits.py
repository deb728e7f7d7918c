"""How often something may be asked for, exactly."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections
from django.test import Client, RequestFactory

from core import clock, limits
from core.limits import Limit
from tests.accounts import build
from tests.conftest import NOON

NOW = NOON.timestamp()
THREE = (Limit(3, 60, "ip"),)


def ask(at: float = 0.0, *, name: str = "thing", who: str = "192.0.2.1") -> float:
    return limits.take(name, THREE, {"ip": who}, now=NOW + at)


def test_the_table_is_read_and_misspelt_entries_are_refused() -> None:
    assert limits.parse("60/m/ip, 20/h/phone") == (Limit(60, 60, "ip"), Limit(20, 3600, "phone"))
    for wrong in ("", "60/m", "0/m/ip", "60/w/ip", "60/m/dog", "60 /m/ip"):
        with pytest.raises(ImproperlyConfigured, match="RATE_LIMITS"):
            limits.parse(wrong)


@pytest.mark.django_db
class TestTaking:
    def test_so_many_at_once_and_then_one_each_interval(self) -> None:
        assert [ask() for _ in range(4)] == [0.0, 0.0, 0.0, pytest.approx(20, abs=0.001)]
        assert ask(19.9) > 0
        assert ask(20.0) == 0.0
        assert ask(20.1) == pytest.approx(19.9, abs=0.001)

    def test_no_window_lets_twice_as_many_through(self) -> None:
        """Just before and just after a minute's end: a counter per minute would let six pass."""
        passed = [ask(59.0) == 0.0 for _ in range(5)] + [ask(61.0) == 0.0 for _ in range(5)]
        assert sum(passed) == 3

    def test_refusals_cost_nothing(self) -> None:
        for _ in range(50):
            ask()
        assert ask(20.0) == 0.0

    def test_after_the_period_all_is_as_new(self) -> None:
        for _ in range(4):
            ask()
        assert [ask(60.0) for _ in range(3)] == [0.0] * 3

    def test_others_and_other_things_are_counted_apart(self) -> None:
        for _ in range(4):
            ask()
        assert ask(who="192.0.2.2") == 0.0
        assert ask(name="other") == 0.0

    def test_several_limits_are_one_statement(self, django_assert_num_queries: Any) -> None:
        both = (Limit(3, 60, "ip"), Limit(2, 60, "user"))
        with django_assert_num_queries(1):
            limits.take("t", both, {"ip": "192.0.2.1", "user": "user:1"}, now=NOW)
        limits.take("t", both, {"ip": "192.0.2.1", "user": "user:1"}, now=NOW)
        assert limits.take("t", both, {"ip": "192.0.2.1", "user": "user:1"}, now=NOW) == pytest.approx(30)

    def test_nobody_can_be_read_from_the_table(self) -> None:
        limits.take("t", (Limit(3, 60, "phone"),), {"phone": "13800000001"}, now=NOW)
        with connection.cursor() as cursor:
            cursor.execute("SELECT key FROM core_limit")
            assert "138" not in cursor.fetchone()[0][:20]

    def test_what_has_grown_back_is_swept_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ask()
        monkeypatch.setattr(limits, "randrange", lambda _: 0)
        ask(3600.0, name="other")
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM core_limit")
            assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_processes_at_the_same_moment_share_one_limit() -> None:
    passed: list[bool] = []

    def ask_often() -> None:
        passed.extend(ask() == 0.0 for _ in range(10))
        connections.close_all()

    threads = [threading.Thread(target=ask_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(passed), sum(passed)) == (40, 3)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (0, "198.51.100.9", "192.0.2.1"),  # whoever may write the header must not choose his address
        (1, "198.51.100.9", "198.51.100.9"),
        (1, "203.0.113.5, 198.51.100.9", "198.51.100.9"),
        (2, "203.0.113.5, 198.51.100.9, 198.51.100.1", "198.51.100.9"),
        (1, "", "192.0.2.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),  # a /64 is one caller
        (1, "nonsense", "unknown"),
    ],
)
def test_whose_address_counts(settings: Any, proxies: int, forwarded: str, counted: str) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", **headers)  # type: ignore[arg-type]
    assert limits.client_address(request) == counted


@pytest.fixture
def stopped() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("stopped")
class TestPages:
    def test_a_page_over_its_limit_says_when_to_come_again(self, settings: Any) -> None:
        settings.RATE_LIMITS = {"billing:export": "2/h/user"}
        client = Client()
        client.force_login(build.user(build.PHONE))
        assert [client.get("/bills/export/").status_code for _ in range(3)] == [200, 200, 429]
        refused = client.get("/bills/export/")
        assert refused["Retry-After"] == "1800"
        assert "<h1>" in refused.content.decode()
        assert client.get("/bills/").status_code == 200

    @pytest.mark.parametrize(
        "more",
        [{"phone": "1390000{:04d}"}, {"login": "１３８０００００００１", "phone": ""}],
        ids=["field", "spelling"],
    )
    def test_a_log_in_is_counted_by_whom_it_names(self, settings: Any, more: dict[str, str]) -> None:
        """Not by a field that the form does not have, nor by how the number is spelt."""
        settings.RATE_LIMITS = {"POST account_login": "2/h/phone"}
        settings.ACCOUNT_RATE_LIMITS = False
        client, first = Client(), {"login": "13800000001", "password": "guess"}
        answers = [
            client.post("/account/login/", first | {name: text.format(n) for name, text in more.items()})
            for n in range(2)
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert client.post("/account/login/", first).status_code == 429

    def test_another_person_at_the_same_address_is_not_hit(self, settings: Any) -> None:
        settings.RATE_LIMITS = {"billing:export": "1/h/user"}
        for phone in (build.PHONE, build.OTHER_PHONE):
            client = Client()
            client.force_login(build.user(phone))
            assert client.get("/bills/export/").status_code == 200

    def test_one_method_alone(self, settings: Any) -> None:
        settings.RATE_LIMITS = {"POST account_login": "1/m/ip"}
        client = Client()
        assert client.post("/account/login/", {}).status_code == 200
        assert client.post("/account/login/", {}).status_code == 429
        assert client.get("/account/login/").status_code == 200

    def test_one_operation_alone(self, settings: Any) -> None:
        settings.RATE_LIMITS = {
            "POST operations:form": "9/m/user",
            "POST operations:form account.bind": "1/h/user",
        }
        client = Client()
        client.force_login(build.user(build.PHONE))
        binds = [client.post("/operations/account.bind/", {}).status_code for _ in range(2)]
        assert binds[1] == 429 != binds[0]
        assert client.post("/operations/bill.pay/", {}).status_code != 429
        assert client.get("/operations/account.bind/").status_code == 200

    def test_a_phone_is_one_in_every_spelling_and_from_everywhere(self, settings: Any) -> None:
        settings.RATE_LIMITS = {"POST account_login": "2/h/phone"}
        spellings = ("13800000001", "+86 138 0000 0001", "138-0000-0001", "8613800000001")
        found = [
            Client().post(
                "/account/login/", {"login": typed, "password": "wrong"}, REMOTE_ADDR=f"192.0.2.{n}"
            )
            for n, typed in enumerate(spellings)
        ]
        assert [answer.status_code for answer in found] == [200, 200, 429, 429]

    def test_a_secret_link_is_limited_whoever_tries(self, settings: Any) -> None:
        settings.RATE_LIMITS = {"billing:pay_link": "1/h/link"}
        assert Client().get("/p/guess-1/", REMOTE_ADDR="192.0.2.1").status_code != 429
        assert Client().get("/p/guess-1/", REMOTE_ADDR="192.0.2.2").status_code == 429

    def test_a_page_without_an_entry_asks_nothing(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            assert Client().get("/healthz").status_code == 200
