from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from core import pokes
from notices import rules, selectors, vault
from notices.models import Delivery, DeliveryState, Message
from notices.queue import CELERY_QUEUE, TASK
from notices.services import messages
from tests.conftest import NOON
from tests.notices import build
from tests.notices.conftest import Gateway
from tests.threads import together

Committed = Callable[..., AbstractContextManager[list[Any]]]
pytestmark = pytest.mark.django_db


def test_one_delivery_per_address() -> None:
    message = build.send(build.PHONE, build.OTHER_PHONE)
    found = {(row.address, row.state, row.body) for row in message.deliveries.all()}
    text = "【网上营业厅】尾号 0001 的户号已收到缴费 ¥26.00，收据号 R1。感谢您的支持。"
    assert found == {("+8613800000001", "QUEUED", text), ("+8613800000002", "QUEUED", text)}


def test_the_same_key_again_sends_nothing() -> None:
    first = build.send(key="paid:1")
    again = build.send(build.OTHER_PHONE, key="paid:1")
    assert again.pk == first.pk
    assert [row.address for row in Delivery.objects.all()] == ["+8613800000001"]


@pytest.mark.django_db(transaction=True)
def test_the_same_key_at_the_same_moment_is_one_message() -> None:
    found = together(*[lambda: build.send(key="paid:2").pk] * 4)
    assert len(set(found)) == 1
    assert Delivery.objects.count() == 1


def test_three_statements_whatever_the_number_of_addresses(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(5):  # with the savepoint of the test's transaction and its release
        build.send(build.PHONE, build.OTHER_PHONE)


def test_the_reader_s_language() -> None:
    assert build.send(language="en").deliveries.get().body.startswith("[Online Hall] We received ¥26.00")


def test_chinese_where_the_language_has_no_text() -> None:
    assert build.send(language="fr").deliveries.get().body.startswith("【网上营业厅】")


def test_the_newest_active_version_is_sent() -> None:
    build.template("新 {{ amount }}", version=2)
    build.template("将来 {{ amount }}", version=3, active_from=NOON + timedelta(seconds=1))
    assert build.delivery().body == "新 ¥26.00"


def test_an_older_text_in_the_language_outranks_a_newer_one_in_chinese() -> None:
    build.template("新 {{ amount }}", version=2)
    assert build.send(language="en").deliveries.get().body.startswith("[Online Hall]")


def test_an_unknown_template_leaves_nothing() -> None:
    with pytest.raises(selectors.UnknownTemplate, match="payment_received: no template for EMAIL"):
        build.send(build.PHONE, build.EMAIL)
    assert not Message.objects.exists()


def test_a_missing_value_leaves_nothing() -> None:
    build.template("{{ nobody_gives_this }}")
    with pytest.raises(rules.BadTemplate):
        build.send()
    assert not Message.objects.exists()


def test_a_secret_text_is_not_sent_as_an_ordinary_message() -> None:
    with pytest.raises(ValueError, match="secret"):
        messages.send(
            code="login_code",
            recipient_ref="user:17",
            addresses=[build.PHONE],
            context={"code": "1", "minutes": "5"},
            dedupe_key="x",
            as_of=NOON,
        )
    assert not Message.objects.exists()


def test_an_ordinary_text_is_not_sent_as_a_secret() -> None:
    with pytest.raises(ValueError, match="not a secret template"):
        messages.send_secret(
            code="payment_received",
            recipient_ref="user:17",
            address=build.PHONE,
            context=build.PAID,
            as_of=NOON,
            lifetime=build.FIVE_MINUTES,
        )
    assert not Message.objects.exists()


def test_a_secret_stands_in_no_table(django_capture_on_commit_callbacks: Committed) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        build.send_secret("482913")
    with connection.cursor() as cursor:
        for table in ("notices_message", "notices_delivery"):
            cursor.execute(f"SELECT string_agg(row::text, '') FROM {table} AS row")
            assert "482913" not in cursor.fetchone()[0]


def test_a_secret_waits_encrypted_and_not_for_long(django_capture_on_commit_callbacks: Committed) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        delivery = build.send_secret("482913")
    key = f"notices:secret:{delivery.reference}"
    sealed = pokes.broker().get(key)
    assert isinstance(sealed, bytes)
    assert b"482913" not in sealed
    assert 0 < pokes.broker().pttl(key) <= 300_000
    assert "482913" in (vault.read(delivery.reference) or "")


def test_nothing_is_in_the_vault_before_the_commit() -> None:
    assert vault.read(build.send_secret().reference) is None


def test_a_text_sealed_under_a_lost_key_is_not_there(settings: Any) -> None:
    vault.put("1-1", "text", lifetime=build.FIVE_MINUTES)
    settings.SECRET_KEY = "a new one"
    assert vault.read("1-1") is None
    settings.SECRET_KEY_FALLBACKS = ["only-for-tests"]
    assert vault.read("1-1") == "text"


@pytest.mark.usefixtures("no_broker")
def test_with_the_broker_away_a_secret_goes_out_at_once(
    gateway: Gateway, django_capture_on_commit_callbacks: Committed
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        delivery = build.send_secret("482913")
    delivery.refresh_from_db()
    assert gateway.code() == "482913"
    assert delivery.state == DeliveryState.SENT


@pytest.mark.usefixtures("no_broker")
def test_with_broker_and_gateway_away_the_customer_is_not_told_of_it(
    gateway: Gateway, django_capture_on_commit_callbacks: Committed
) -> None:
    gateway.status = 503
    with django_capture_on_commit_callbacks(execute=True):
        delivery = build.send_secret()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.QUEUED, 1)
    assert delivery.next_attempt_at == NOON + timedelta(seconds=5)


def _poked() -> bool:
    assert pokes.flush(5)
    return bool(pokes.broker().exists(f"poke:{TASK}"))


@pytest.fixture
def clean_broker() -> None:
    pokes.broker().delete(f"poke:{TASK}", CELERY_QUEUE)


@pytest.mark.usefixtures("clean_broker")
def test_a_rehearsal_does_the_work_and_leaves_nothing(
    django_capture_on_commit_callbacks: Committed, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(8), django_capture_on_commit_callbacks(execute=True):
        messages.rehearse_secret(
            code="login_code",
            recipient_ref="nobody",
            address=build.PHONE,
            context={"code": "000000", "minutes": "5"},
            as_of=NOON,
            lifetime=build.FIVE_MINUTES,
        )
    assert not Message.objects.exists()
    assert not Delivery.objects.exists()
    assert _poked()


@pytest.mark.usefixtures("clean_broker")
def test_workers_are_woken_after_the_commit(django_capture_on_commit_callbacks: Committed) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        build.send()
        assert not _poked()
    assert _poked()
