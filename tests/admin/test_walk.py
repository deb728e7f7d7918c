"""Every staff page there is: who may open it, how many queries it takes, what odd input does to it."""

import re
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection, models
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Region, Segment, User
from billing.models import PenaltyPolicy
from catalog.models import Offer, OfferSeries, PriceRule, ProductSpecification, ProductType, Tier
from content.models import Article, Hall, Section
from core.models import CalendarDay, OutboxRow
from notices.models import Template, Trigger
from operations.models import Slip
from resources.models import Device, Number, NumberClass, NumberLockRule, StockItem
from tests.admin import build

ROWS = 50
MOST_QUERIES = 12
# Everything else is read-only: a new page that can write must be named here.
ADDED_BY_HAND = {Article, CalendarDay, Group, Hall, PenaltyPolicy, Region, Section, Segment, Template, User}
ADDED_BY_HAND |= {Offer, OfferSeries, PriceRule, ProductSpecification, ProductType, Tier}
ADDED_BY_HAND |= {Device, Number, NumberClass, NumberLockRule, StockItem}
ADDED_BY_HAND |= {Trigger}
CHANGED_BY_HAND = ADDED_BY_HAND - {Device, NumberLockRule, StockItem, Template}
FILLED_ELSEWHERE: dict[type[models.Model], int] = {
    PenaltyPolicy: 1,
    Template: 1,
}  # what the seeds bring is enough
ODD = (
    "",
    "'; DROP TABLE billing_bill; --",
    "%%_\\",
    "<script>alert(1)</script>",
    "账单 8800000001",
    "１３８０００００００１",
    "\u200b\u202e😀" * 40,
    "99999999999999999999999999",
    "x" * 3000,
)


def registered() -> list[tuple[type[models.Model], Any]]:
    return sorted(admin.site._registry.items(), key=lambda entry: entry[0]._meta.label)


def url(model: type[models.Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


class Walk(TestCase):
    superuser: ClassVar[User]
    viewer: ClassVar[User]
    customer: ClassVar[User]

    @classmethod
    def setUpTestData(cls) -> None:
        build.hall(ROWS)
        cls.superuser = build.superuser()
        cls.viewer = build.viewer()
        cls.customer = User.objects.get(username="u0")

    def as_user(self, user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    def test_lists_take_few_queries_whatever_their_length(self) -> None:
        for user in (self.superuser, self.viewer):
            client = self.as_user(user)
            for model, _page in registered():
                with self.subTest(user=user.username, model=model._meta.label):
                    assert model._default_manager.count() >= FILLED_ELSEWHERE.get(model, ROWS)
                    with CaptureQueriesContext(
                        connection,
                    ) as queries:
                        answer = client.get(url(model, "changelist"))
                    assert answer.status_code == 200
                    shown = len(answer.context["cl"].result_list)
                    assert shown == min(50, model._default_manager.count())
                    assert len(queries) <= MOST_QUERIES, [q["sql"][:200] for q in queries]

    def test_details_open_for_all_staff_who_may_look(self) -> None:
        for user in (self.superuser, self.viewer):
            client = self.as_user(user)
            for model, _page in registered():
                for row in model._default_manager.order_by("pk")[:2]:
                    with self.subTest(user=user.username, model=model._meta.label, pk=row.pk):
                        with CaptureQueriesContext(connection) as queries:
                            answer = client.get(url(model, "change", row.pk))
                        assert answer.status_code == 200
                        assert len(queries) <= 30

    def test_only_the_named_pages_write(self) -> None:
        client = self.as_user(self.superuser)
        for model, _page in registered():
            row = model._default_manager.order_by("pk").first()
            assert row is not None
            with self.subTest(model=model._meta.label):
                added = client.get(url(model, "add")).status_code
                assert added == (200 if model in ADDED_BY_HAND else 403)
                deleted = client.get(url(model, "delete", row.pk)).status_code
                assert deleted == 403
                changed = client.post(url(model, "change", row.pk), {}).status_code
                assert changed == (200 if model in CHANGED_BY_HAND else 403)
                bulk = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
                client.post(url(model, "changelist"), bulk)
                assert model._default_manager.filter(pk=row.pk).exists()

    def test_lookers_can_write_nothing(self) -> None:
        client = self.as_user(self.viewer)
        for model, _page in registered():
            row = model._default_manager.order_by("pk").first()
            assert row is not None
            with self.subTest(model=model._meta.label):
                for address in (url(model, "add"), url(model, "delete", row.pk)):
                    assert client.get(address).status_code == 403
                    assert client.post(address, {"post": "yes"}).status_code == 403
                assert client.post(url(model, "change", row.pk), {"reason": "x"}).status_code == 403

    def test_odd_searches_find_nothing_and_break_nothing(self) -> None:
        client = self.as_user(self.superuser)
        for turn, (model, _page) in enumerate(registered()):
            for text in ODD if model is Slip else [*ODD, *ODD][turn % len(ODD) :][:3]:
                with self.subTest(model=model._meta.label, text=text[:30]):
                    answer = client.get(url(model, "changelist"), {"q": text})
                    assert answer.status_code == 200
                    self.assertNotContains(answer, "<script>alert(1)</script>")

    def test_odd_filters_and_pages_break_nothing(self) -> None:
        client = self.as_user(self.superuser)
        for model, page in registered():
            names = [
                spec if isinstance(spec, str) else spec[0]
                for spec in page.list_filter
                if not isinstance(spec, type)
            ]
            params = {f"{name}__exact": "'" for name in names} | {f"{name}_from": "x" for name in names}
            for query in (
                params,
                {"p": "-1"},
                {"p": "999999"},
                {"o": "99.x"},
                {"e": "1"},
                {"nothing__such": "1"},
            ):
                with self.subTest(model=model._meta.label, query=query):
                    assert client.get(url(model, "changelist"), query).status_code in (200, 302)
            assert client.get(url(model, "change", "0;x")).status_code in (302, 404)
            column = next(field.name for field in model._meta.concrete_fields if not field.is_relation)
            for part in ("startswith", "contains", "regex", "year", "gt"):
                query = {f"{column}__{part}": "1"}
                assert client.get(url(model, "changelist"), query).status_code == 400
        for name in ("q", "key"):
            assert client.get(url(OutboxRow, "changelist"), {name: "a\x00"}).status_code == 400

    def test_customers_and_strangers_see_nothing(self) -> None:
        for client in (self.as_user(self.customer), Client()):
            for model, _page in registered():
                row = model._default_manager.order_by("pk").first()
                assert row is not None
                pages = [url(model, "changelist"), url(model, "change", row.pk), url(model, "add")]
                for address in [*pages, url(model, "history", row.pk), reverse("admin:index")]:
                    with self.subTest(address=address):
                        answer = client.get(address)
                        assert answer.status_code in (302, 403)
                        if answer.status_code == 302:
                            assert "login" in answer["Location"]

    def test_lists_show_no_whole_phone_or_address(self) -> None:
        client = self.as_user(self.superuser)
        for model, _page in registered():
            with self.subTest(model=model._meta.label):
                answer = client.get(url(model, "changelist"))
                assert not re.search(r"\+8613|(?<!\d)138\d{8}(?!\d)|wang\d+@", answer.content.decode())

    def test_history_leads_to_the_audit_trail(self) -> None:
        row = CalendarDay.objects.order_by("pk").first()
        assert row is not None
        answer = self.as_user(self.viewer).get(url(CalendarDay, "history", row.pk))
        self.assertRedirects(
            answer,
            f"{url_of_audit()}?object_type=core.CalendarDay&object_id={row.pk}",
            fetch_redirect_response=True,
        )


def url_of_audit() -> str:
    return reverse("admin:core_auditrow_changelist")
