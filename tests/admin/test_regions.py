"""Every staff page there is, read and acted on by staff of region A: what lies in B is not there for them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.test import Client, TestCase
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import BillingAccount, Customer, Region, User
from billing.models import Bill, PenaltyPolicy, Receipt
from core import clock
from core.models import AuditRow
from core.scopes import EVERYWHERE
from core.staff_pages import StaffAdmin
from notices.models import Template, Trigger
from tests.admin import build
from tests.admin.places import Places, lies_somewhere, pages
from tests.billing import build as money

# Addresses with parts of their own; each has a test of its own below, or in its room.
TESTED_ALONE = {
    "billing_counter_receipt": "test_counter_pages_of_b",
    "billing_statement_day": "test_sums_of_the_whole_operator",
    "notices_trigger_today": "test_dry_runs_tell_of_nobody_in_b",
    "view_on_site": "test_no_row_of_b_is_found_by_its_type",
    "auth_user_password_change": "test_passwords_of_b_are_not_set",
    "jsi18n": "the same for everybody",
    "app_list": "test_pages_without_a_key_name_nothing_of_b",
}


def url(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


class Walk(TestCase):
    places: ClassVar[Places]
    viewer: ClassVar[User]
    doer: ClassVar[User]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.places = Places()
        cls.viewer = build.viewer("viewer-of-a", region=cls.places.a)
        cls.doer = cls.places.staff("doer-of-a")

    def setUp(self) -> None:
        self.clients = {user: Client() for user in (self.viewer, self.doer)}
        for user, client in self.clients.items():
            client.force_login(user)

    def test_every_page_names_where_its_rows_lie(self) -> None:
        for model, page in pages():
            named = [kind for kind in type(page).__mro__ if "region_path" in vars(kind)][0]
            assert named is not StaffAdmin, f"{type(page).__name__} names no region_path"
            assert isinstance(page, StaffAdmin), model

    def test_both_regions_have_rows_of_everything(self) -> None:
        for model, page in pages():
            if lies_somewhere(page):
                with self.subTest(model=model._meta.label):
                    assert self.places.mine[model]
                    assert self.places.theirs[model]

    def test_lists_show_the_rows_of_a_and_none_of_b(self) -> None:
        for user, client in self.clients.items():
            for model, page in pages():
                with self.subTest(user=user.username, model=model._meta.label):
                    answer = client.get(url(model, "changelist"))
                    assert answer.status_code == 200
                    shown = {row.pk for row in answer.context["cl"].result_list}
                    if page.region_path is None:
                        assert shown == set()
                    elif page.region_path is not EVERYWHERE:
                        assert not shown & self.places.theirs[model]
                        assert shown & self.places.mine[model]

    def test_details_of_b_are_not_there(self) -> None:
        for user, client in self.clients.items():
            for model, page in pages():
                if page.region_path is EVERYWHERE:
                    continue
                for key in sorted(self.places.theirs[model], key=str)[:2]:
                    with self.subTest(user=user.username, model=model._meta.label, key=key):
                        at = quote(key)
                        assert client.get(url(model, "change", at)).status_code == 404
                        assert client.get(url(model, "history", at)).status_code == 404
                        assert client.get(url(model, "delete", at)).status_code in (403, 404)
                        assert client.post(url(model, "change", at), {"reason": "越界"}).status_code in (
                            403,
                            404,
                        )

    def test_details_of_a_are_there(self) -> None:
        for model, page in pages():
            if lies_somewhere(page):
                listed = self.clients[self.viewer].get(url(model, "changelist")).context["cl"].result_list
                with self.subTest(model=model._meta.label):
                    assert (
                        self.clients[self.viewer].get(url(model, "change", quote(listed[0].pk))).status_code
                        == 200
                    )

    def test_nothing_is_done_to_rows_of_b(self) -> None:
        client = self.clients[self.doer]
        for model, page in pages():
            if page.region_path is EVERYWHERE:
                continue
            row = model._base_manager.filter(pk__in=self.places.theirs[model]).order_by("pk").first()
            assert row is not None
            before = _values(row)
            for act in page.reasoned:
                with self.subTest(model=model._meta.label, act=act.name):
                    at = f"{url(model, 'act', act.name)}?ids={row.pk}"
                    assert client.get(at).status_code == 404
                    assert client.post(at, {"reason": "越界办理"}).status_code == 404
                    chosen = {"action": act.name, "_selected_action": [row.pk]}
                    answer = client.post(url(model, "changelist"), chosen)
                    assert str(row.pk) not in answer.get("Location", "")
            assert _values(model._base_manager.get(pk=row.pk)) == before

    def test_search_and_choices_find_nothing_of_b(self) -> None:
        client = self.clients[self.doer]
        for model, page in pages():
            if not lies_somewhere(page):
                continue
            rows = model._base_manager.filter(pk__in=sorted(self.places.theirs[model], key=str)[:2])
            for lookup in page.search_fields:
                for term in rows.values_list(_column(lookup), flat=True):
                    with self.subTest(model=model._meta.label, lookup=lookup):
                        answer = client.get(url(model, "changelist"), {"q": str(term or "")})
                        shown = {row.pk for row in answer.context["cl"].result_list}
                        assert not shown & self.places.theirs[model]

    def test_fields_that_complete_what_is_typed_offer_nothing_of_b(self) -> None:
        client = self.clients[self.doer]
        asked = 0
        for model, page in pages():
            for field in page.autocomplete_fields:
                target = model._meta.get_field(field).related_model
                assert target is not None
                about = {
                    "app_label": model._meta.app_label,
                    "model_name": model._meta.model_name,
                    "field_name": field,
                    "term": "BBB" if target is Region else "",
                }
                answer = client.get(reverse("admin:autocomplete"), about)
                with self.subTest(model=model._meta.label, field=field):
                    assert answer.status_code == 200
                    found = {int(each["id"]) for each in answer.json()["results"]}
                    assert not found & self.places.theirs[target]
                    asked += 1
        assert asked >= 2

    def test_pages_without_a_key_name_nothing_of_b(self) -> None:
        markers = _markers(self.places)
        client = self.clients[self.doer]
        for name, address in _addresses():
            with self.subTest(page=name):
                answer = client.get(address, follow=True)
                assert answer.status_code in (200, 400, 403, 404, 405)
                text = b"".join(answer) if answer.streaming else answer.content
                found = [marker for marker in markers if marker in text.decode(errors="replace")]
                assert not found

    def test_each_address_with_a_key_is_known(self) -> None:
        ours = {f"{m._meta.app_label}_{m._meta.model_name}" for m, _page in pages()}
        for name, _pattern in _patterns_with_keys():
            model, _sep, page = name.rpartition("_")
            is_of_model = model in ours and page in {"change", "delete", "history", "act"}
            assert is_of_model or name in TESTED_ALONE or _tested_in_its_room(name), name

    def test_counter_pages_of_b(self) -> None:
        client = self.clients[self.doer]
        account = BillingAccount.objects.filter(pk__in=self.places.theirs[BillingAccount]).order_by("pk")[0]
        desk = reverse("admin:billing_counter_desk")
        page = client.get(desk, {"number": account.number})
        assert page.status_code == 200
        assert account.customer.name not in page.content.decode()
        typed = {"account": account.number, "amount": "10.00", "method": "CASH", "paper_no": "N000001"}
        assert client.post(desk, typed | {"_step": "quote"}).status_code == 404
        assert (
            client.post(reverse("admin:billing_counter_link"), {"account": account.number}).status_code == 404
        )
        receipt = Receipt.objects.filter(pk__in=self.places.theirs[Receipt], counter__isnull=False)[0]
        assert client.get(reverse("admin:billing_counter_receipt", args=[receipt.number])).status_code == 404
        assert AuditRow.objects.filter(action="staff.refused", object_id=str(account.pk)).count() >= 1

    def test_dry_runs_tell_of_nobody_in_b(self) -> None:
        trigger = Trigger.objects.get(code="bill_due")
        bills = Bill.objects.filter(pk__in=self.places.theirs[Bill], open_cents__gt=0).order_by("-due_on")
        bill = bills.select_related("account")[0]
        at = datetime.combine(bill.due_on + timedelta(days=trigger.days), time(4), UTC)
        page = reverse("admin:notices_trigger_today", args=[trigger.pk])
        everything = Client()
        everything.force_login(build.superuser("sees-all"))
        with clock.stopped(at):
            assert bill.account.number in everything.get(page).content.decode()
            for client in self.clients.values():
                assert bill.account.number not in client.get(page).content.decode()

    def test_passwords_of_b_are_not_set(self) -> None:
        user = User.objects.get(pk=min(self.places.theirs[User]))
        at = reverse("admin:auth_user_password_change", args=[user.pk])
        assert (
            self.clients[self.doer].post(at, {"password1": "x" * 14, "password2": "x" * 14}).status_code
            == 403
        )
        before = user.password
        user.refresh_from_db()
        assert user.password == before

    def test_sums_of_the_whole_operator(self) -> None:
        for client in self.clients.values():
            day = reverse("admin:billing_statement_day", args=["alipay", money.TODAY.isoformat()])
            assert client.get(day).status_code == 404

    def test_no_row_of_b_is_found_by_its_type(self) -> None:
        from django.contrib.contenttypes.models import ContentType

        kind = ContentType.objects.get_for_model(Customer)
        key = min(self.places.theirs[Customer])
        assert (
            self.clients[self.doer].get(reverse("admin:view_on_site", args=[kind.pk, key])).status_code == 404
        )

    def test_figures_count_what_lies_in_a(self) -> None:
        everything, ours = Client(), self.clients[self.viewer]
        everything.force_login(build.viewer("viewer-of-all"))
        all_cards, our_cards = (_cards(client) for client in (everything, ours))
        for title in ("待定支付", "未办结退款", "待审批", "卡住的回调"):
            with self.subTest(card=title):
                assert int(our_cards[title]) * 2 == int(all_cards[title])
        assert "停止的消息" not in our_cards or our_cards["停止的消息"] == "0"
        months = reverse("admin:billing_receipt_channels")
        ours_net, all_net = (
            client.get(months, {"month": "2026-11"}).context["month"].total.net_cents
            for client in (ours, everything)
        )
        assert 0 < ours_net < all_net

    def test_who_asks_for_what_lies_elsewhere_leaves_a_trace(self) -> None:
        bill = Bill.objects.filter(pk__in=self.places.theirs[Bill]).order_by("pk")[0]
        self.clients[self.viewer].get(url(Bill, "change", bill.pk))
        row = AuditRow.objects.get(action="staff.refused")
        assert (row.actor, row.object_type, row.object_id) == (
            f"user:{self.viewer.pk}",
            "billing.Bill",
            str(bill.pk),
        )
        assert row.region_id == self.places.b.pk
        assert row.detail["why"] == "elsewhere"


class GroupAndProvince(TestCase):
    """What the group sets, provinces read; each writes its own and nobody else's."""

    places: ClassVar[Places]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.places = Places()

    def setUp(self) -> None:
        self.client = Client()
        self.client.force_login(self.places.staff("province"))

    def policy(self, region: Region | None) -> PenaltyPolicy:
        return PenaltyPolicy.objects.filter(region=region).order_by("pk")[0]

    def test_general_rules_are_read_and_not_written(self) -> None:
        general = self.policy(None)
        at = url(PenaltyPolicy, "change", general.pk)
        shown = {
            row.pk for row in self.client.get(url(PenaltyPolicy, "changelist")).context["cl"].result_list
        }
        assert shown == {general.pk, self.policy(self.places.a).pk}
        assert self.client.get(at).status_code == 200
        assert self.client.post(at, {"active_to": "2099-01-01", "reason": "省里不用"}).status_code == 403
        general.refresh_from_db()
        assert general.active_to is None

    def test_ones_own_rule_is_written(self) -> None:
        own = self.policy(self.places.a)
        at = url(PenaltyPolicy, "change", own.pk)
        assert self.client.post(at, {"active_to": "2099-01-01", "reason": "新办法"}).status_code == 302
        own.refresh_from_db()
        assert str(own.active_to) == "2099-01-01"
        row = AuditRow.objects.get(action="billing.penaltypolicy.changed")
        assert row.detail["values"] == {"active_to": [None, "2099-01-01"]}

    def test_a_new_rule_is_for_ones_own_region_alone(self) -> None:
        typed = {
            "daily_rate_ppm": "2000",
            "grace_days": "0",
            "cap_percent": "100",
            "active_from": "2099-01-01",
            "reason": "省内规则",
        }
        count = PenaltyPolicy.objects.count()
        for region in ("", str(self.places.b.pk)):
            answer = self.client.post(url(PenaltyPolicy, "add"), typed | {"region": region})
            assert answer.status_code == 200
            assert "region" in answer.context["adminform"].form.errors
        assert PenaltyPolicy.objects.count() == count
        made = self.client.post(url(PenaltyPolicy, "add"), typed | {"region": str(self.places.a.pk)})
        assert made.status_code == 302
        assert PenaltyPolicy.objects.count() == count + 1

    def test_texts_roles_and_the_tree_are_the_groups(self) -> None:
        for model in (Template, Region):
            assert self.client.get(url(model, "changelist")).status_code == 200
            assert self.client.get(url(model, "add")).status_code == 403
        at = url(Region, "change", self.places.a.pk)
        assert (
            self.client.post(at, {"code": "AAA", "name": "x", "level": "CITY", "reason": "改"}).status_code
            == 403
        )


def _values(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def _column(lookup: str) -> str:
    return re.sub(r"__(startswith|exact)$", "", lookup)


def _markers(found: Places) -> list[str]:
    """Words that stand on pages only where rows of B are shown."""
    accounts = BillingAccount.objects.filter(pk__in=found.theirs[BillingAccount])
    bills = Bill.objects.filter(pk__in=found.theirs[Bill])
    receipts = Receipt.objects.filter(pk__in=found.theirs[Receipt])
    columns = [rows.values_list("number", flat=True) for rows in (accounts, bills, receipts)]
    return [*(number for column in columns for number in column), "BBB"]


def _cards(client: Client) -> dict[str, str]:
    return {
        str(card["title"]): card["figure"] for card in client.get(reverse("admin:index")).context["cards"]
    }


def _walk(patterns: Any) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns)
        else:
            yield pattern


def _staff_patterns() -> list[URLPattern]:
    [site] = [each for each in get_resolver().url_patterns if getattr(each, "app_name", "") == "admin"]
    return list(_walk(site.url_patterns))  # type: ignore[union-attr]  # a resolver: it has an app name


def _addresses() -> list[tuple[str, str]]:
    """All that need no key, but log-out."""
    names = [p.name for p in _staff_patterns() if p.name and not p.pattern.regex.groups]
    return [(name, reverse(f"admin:{name}")) for name in names if name != "logout"]


def _patterns_with_keys() -> list[tuple[str, URLPattern]]:
    return [(p.name, p) for p in _staff_patterns() if p.name and p.pattern.regex.groups]


def _tested_in_its_room(name: str) -> bool:
    """Pages of rooms that bring their own tests of region, by the name of their address."""
    return name.startswith(
        (
            "content_",
            "operations_serving",
            "arrears_escalation_pack",
            "arrears_evidence_pack",
            "notices_letterlist_",
        )
    )
