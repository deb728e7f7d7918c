"""The roles that come with the hall: what each opens, and that it opens no more; the auditor writes nothing."""

from typing import Any, ClassVar

from django.contrib.auth.models import Group
from django.test import Client, TestCase
from django.urls import reverse

from accounts.models import User
from core.models import AuditRow
from hall import staff_roles
from hall.staff_roles import ROLES
from tests.admin import build
from tests.admin.places import Places, keys, pages
from tests.admin.test_regions import url


class Roles(TestCase):
    places: ClassVar[Places]
    users: ClassVar[dict[str, User]]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.places = Places()
        cls.users = {}
        for number, role in enumerate(ROLES):
            user = User.objects.create_user(f"role{number}", password="not-guessed-1", is_staff=True)
            build.post(user, Group.objects.get(name=role.name), build.operator())
            cls.users[role.name] = build.certify(user)

    def client_of(self, name: str) -> Client:
        client = Client()
        client.force_login(self.users[name])
        return client

    def test_each_role_opens_what_it_names_and_no_more(self) -> None:
        for name, user in self.users.items():
            client = self.client_of(name)
            assert client.get(reverse("admin:index")).status_code == 200
            for model, page in pages():
                may = any(user.has_perm(each) for each in page.viewing())
                with self.subTest(role=name, model=model._meta.label):
                    assert client.get(url(model, "changelist")).status_code == (200 if may else 403)

    def test_actions_are_open_to_those_who_hold_them(self) -> None:
        for name, user in self.users.items():
            client = self.client_of(name)
            for model, page in pages():
                row = model._base_manager.order_by("pk").first()
                for act in page.reasoned:
                    at = f"{url(model, 'act', act.name)}?ids={row.pk if row else 0}"
                    with self.subTest(role=name, act=act.name):
                        allowed = {200, 404} if user.has_perm(act.permission) else {403}
                        assert client.get(at).status_code in allowed

    def test_the_auditor_sees_everything_and_writes_nothing(self) -> None:
        client = self.client_of(staff_roles.AUDITOR)
        before = keys()
        for model, page in pages():
            with self.subTest(model=model._meta.label):
                row = model._base_manager.order_by("pk").first()
                assert row is not None
                assert client.get(url(model, "changelist")).status_code == 200
                assert client.get(url(model, "change", row.pk)).status_code == 200
                for address in (
                    url(model, "add"),
                    url(model, "change", row.pk),
                    url(model, "delete", row.pk),
                ):
                    assert client.post(address, {"reason": "改一下", "post": "yes"}).status_code == 403
                for act in page.reasoned:
                    at = f"{url(model, 'act', act.name)}?ids={row.pk}"
                    assert client.post(at, {"reason": "办一下"}).status_code == 403
        for desk in ("billing_counter_desk", "billing_counter_till", "accounts_post_appoint"):
            assert client.post(reverse(f"admin:{desk}"), {}).status_code == 403
        after = keys()
        assert {model for model in before if before[model] != after[model]} == {AuditRow}
        assert set(
            AuditRow.objects.filter(pk__in=after[AuditRow] - before[AuditRow]).values_list(
                "action", flat=True
            )
        ) == {"staff.refused"}

    def test_no_role_holds_what_only_superusers_should(self) -> None:
        for role in ROLES:
            held = _held(role.name)
            assert not {
                code for code in held if code.startswith(("auth.change", "auth.add", "accounts.change_user"))
            }
            assert not {code for code in held if ".delete_" in code}

    def test_who_asks_for_money_back_is_not_who_takes_it(self) -> None:
        assert (
            not _held(staff_roles.FINANCE)
            & _held(staff_roles.CASHIER)
            & {
                "billing.take_counter_money",
                "billing.approve_refund",
            }
        )
        assert "billing.take_counter_money" not in _held(staff_roles.ADMINISTRATOR)

    def test_all_that_a_role_names_exists(self) -> None:
        for role in ROLES:
            held = _held(role.name)
            named = {each for each in role.permissions if not each.endswith("_*")}
            assert named <= held, (role.name, named - held)

    def test_what_an_operator_changed_stays(self) -> None:
        clerk = Group.objects.get(name=staff_roles.CLERK)
        clerk.permissions.clear()
        clerk.rule.granted_by.clear()
        Group.objects.filter(name=staff_roles.EDITOR).update(name="写手")
        staff_roles.ensure()
        assert not clerk.permissions.exists()
        assert not clerk.rule.granted_by.exists()
        assert Group.objects.filter(name__in=["写手", staff_roles.EDITOR]).count() == 2

    def test_what_a_newer_release_gives_comes_by_itself_and_only_once(self) -> None:
        before = _held(staff_roles.CLERK)
        clerk = Group.objects.get(name=staff_roles.CLERK)
        orders = {"catalog.view_order", "catalog.view_orderhistory"} & before
        clerk.permissions.remove(*clerk.permissions.filter(content_type__app_label="catalog"))
        clerk.permissions.remove(*clerk.permissions.filter(codename="view_bill"))
        clerk.rule.offered = sorted(name for name in before if not name.startswith("catalog."))
        clerk.rule.save(update_fields=["offered"])  # as if the room came with this release
        staff_roles.ensure()
        assert orders
        assert orders <= _held(staff_roles.CLERK)
        assert "billing.view_bill" not in _held(staff_roles.CLERK), "the operator took it out"
        clerk.permissions.remove(*clerk.permissions.filter(content_type__app_label="catalog"))
        staff_roles.ensure()
        assert not orders & _held(staff_roles.CLERK)


def _held(name: str) -> set[str]:
    rows: Any = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{code}" for app, code in rows}
