"""The door of the staff side: a second factor in this session, before any page; and who came and went."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import second_factor
from accounts.models import BillingAccount, Region, User
from accounts.services import staff
from core import clock
from core.actor import Actor
from core.models import AuditRow
from tests.accounts import build as people
from tests.admin import build
from tests.admin.test_regions import _addresses, _patterns_with_keys
from tests.billing import build as money
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
PASSWORD = "not-guessed-1"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LOGIN, ASK, SET_UP = (reverse(name) for name in ("account_login", "mfa_reauthenticate", "mfa_activate_totp"))
FIRST = reverse("admin:index")


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def clerk() -> User:
    return build.staff_with("operations.view_slip")


def half_in(user: User) -> Client:
    """Logged in, with nothing but the password shown."""
    client = Client()
    client.force_login(user)
    session = client.session
    del session["account_authentication_methods"]
    session.save()
    return client


def code(user: User) -> str:
    return second_factor.code_at(user, clock.now())


def log_in(client: Client, user: User, password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": user.username, "password": password})


def actions() -> list[str]:
    return list(AuditRow.objects.order_by("pk").values_list("action", flat=True))


def test_no_staff_address_opens_without_a_second_factor(clerk: User) -> None:
    """Whatever the address: with a key or without, of ours or of the packages, existing or not."""
    keyed = [p.pattern.regex.pattern for _name, p in _patterns_with_keys()]
    assert keyed
    addresses = [address for _name, address in _addresses()]
    some = ["admin:operations_slip_change", "admin:billing_bill_history", "admin:core_auditrow_delete"]
    addresses += [reverse(name, args=[1]) for name in some]
    addresses += [reverse("admin:logout"), reverse("admin:jsi18n"), f"{FIRST}no/such/page/"]
    second_factor.set_up(clerk, SECRET)
    for client, leads_to in ((half_in(clerk), ASK), (half_in(build.superuser()), SET_UP)):
        for address in addresses:
            for answer in (client.get(address), client.post(address)):
                assert answer.status_code == 302, address
                assert answer["Location"].startswith(f"{leads_to}?next="), address
    assert not [action for action in actions() if action != "staff.refused"]


def test_customers_and_strangers_are_told_nothing_of_it() -> None:
    customer = Client()
    customer.force_login(money.user())
    for client in (customer, Client()):
        answer = client.get(FIRST)
        assert answer.status_code == 302
        assert "login" in answer["Location"]


@pytest.mark.django_db(transaction=True)  # what is told of a new app is told when it is written
def test_whoever_has_none_is_led_to_set_one_up_and_then_in(clerk: User) -> None:
    client = Client()
    log_in(client, clerk)
    page = client.get(FIRST)
    assert page["Location"] == f"{SET_UP}?next=%2Fadmin%2F"
    # Setting one up is a change of one's access: the password is asked for again.
    asked = client.get(SET_UP)
    assert reverse("account_reauthenticate") in asked["Location"]
    client.post(asked["Location"], {"password": PASSWORD})
    shown = client.get(SET_UP)
    assert shown.status_code == 200
    secret = shown.context["form"].secret
    assert secret in shown.content.decode()
    wrong = client.post(SET_UP, {"code": "000000"})
    assert "验证码不正确" in wrong.content.decode()
    assert client.get(FIRST).status_code == 302

    done = client.post(SET_UP, {"code": second_factor.code_of(secret, clock.now())}, follow=True)

    assert done.status_code == 200
    assert done.redirect_chain[-1][0] == reverse("mfa_view_recovery_codes")
    assert client.get(FIRST).status_code == 200
    kept = Authenticator.objects.get(user=clerk, type=Authenticator.Type.TOTP).data["secret"]
    assert secret not in kept
    assert "staff.second_factor_added" in actions()


def test_logging_in_asks_for_the_code_at_once(clerk: User) -> None:
    second_factor.set_up(clerk, SECRET)
    client = Client()
    answer = log_in(client, clerk)
    assert answer["Location"] == reverse("mfa_authenticate")
    assert client.get(FIRST).status_code == 302  # not in yet
    assert "第二验证" in client.get(answer["Location"]).content.decode()
    client.post(answer["Location"], {"code": "123"})
    assert client.get(FIRST).status_code == 302
    assert client.post(answer["Location"], {"code": code(clerk)}).status_code == 302
    assert client.get(FIRST).status_code == 200
    assert actions() == ["staff.second_factor_failed", "staff.logged_in"]
    assert AuditRow.objects.get(action="staff.second_factor_failed").object_id == str(clerk.pk)


def test_a_secret_under_a_key_that_is_gone_fits_no_code(clerk: User, settings: Any) -> None:
    second_factor.set_up(clerk, SECRET)
    shown = code(clerk)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "the next key of the hall"
    client = Client()
    log_in(client, clerk)
    assert client.post(reverse("mfa_authenticate"), {"code": shown}).status_code == 200
    assert client.get(FIRST).status_code == 302
    settings.SECRET_KEY_FALLBACKS = [old]
    assert client.post(reverse("mfa_authenticate"), {"code": shown}).status_code == 302
    assert client.get(FIRST).status_code == 200


def test_a_code_counts_once(clerk: User) -> None:
    second_factor.set_up(clerk, SECRET)
    used = code(clerk)
    for client, is_in in ((Client(), True), (Client(), False)):
        log_in(client, clerk)
        client.post(reverse("mfa_authenticate"), {"code": used})
        assert (client.get(FIRST).status_code == 200) is is_in


def test_who_has_one_but_has_not_shown_it_is_asked(clerk: User) -> None:
    second_factor.set_up(clerk, SECRET)
    client = half_in(clerk)
    wanted = reverse("admin:operations_slip_changelist")
    asked = client.get(wanted)
    assert asked["Location"] == f"{ASK}?next=%2Fadmin%2Foperations%2Fslip%2F"
    answer = client.post(asked["Location"], {"code": code(clerk), "next": wanted})
    assert answer["Location"] == wanted
    assert client.get(wanted).status_code == 200


def test_recovery_codes_work_once_and_are_told_to_the_auditor(clerk: User) -> None:
    second_factor.set_up(clerk, SECRET)
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    spare = RecoveryCodes.activate(clerk).get_unused_codes()[0]
    for is_in in (True, False):
        client = Client()
        log_in(client, clerk)
        client.post(reverse("mfa_authenticate"), {"code": spare})
        assert (client.get(FIRST).status_code == 200) is is_in
    assert "staff.recovery_code_used" in actions()


def test_guessing_codes_ends_soon(clerk: User) -> None:
    second_factor.set_up(clerk, SECRET)
    client = Client()
    log_in(client, clerk)
    for guess in range(6):
        page = client.post(reverse("mfa_authenticate"), {"code": f"{guess:06d}"})
    assert "尝试次数太多" in page.content.decode()
    client.post(reverse("mfa_authenticate"), {"code": code(clerk)})
    assert client.get(FIRST).status_code == 302


def test_guessing_passwords_ends_soon_and_leaves_a_trace(clerk: User) -> None:
    client = Client()
    for _ in range(6):
        page = log_in(client, clerk, "wrong-password")
    assert "尝试次数太多" in page.content.decode()
    assert set(actions()) == {"staff.login_failed"}
    row = AuditRow.objects.order_by("pk")[0]
    assert (row.actor, row.object_id, row.address) == ("visitor", str(clerk.pk), "127.0.0.1")
    log_in(client, money.user(), "wrong-password")
    assert set(actions()) == {"staff.login_failed"}


def test_staff_cannot_do_without_it(clerk: User) -> None:
    second_factor.set_up(clerk, SECRET)
    client = Client()
    client.force_login(clerk)
    client.post(reverse("mfa_reauthenticate"), {"code": code(clerk)})
    page = client.get(reverse("mfa_index")).content.decode()
    assert reverse("mfa_deactivate_totp") not in page
    client.post(reverse("mfa_deactivate_totp"))
    assert second_factor.has_one(clerk)


def test_customers_may_have_one_and_do_without_it_again() -> None:
    customer = money.user()
    client = Client()
    client.force_login(customer)
    assert "还没有启用" in client.get(reverse("mfa_index")).content.decode()
    second_factor.set_up(customer, SECRET)
    client.post(reverse("mfa_reauthenticate"), {"code": code(customer)})
    assert reverse("mfa_deactivate_totp") in client.get(reverse("mfa_index")).content.decode()
    client.post(reverse("mfa_deactivate_totp"))
    assert not second_factor.has_one(customer)
    assert not AuditRow.objects.exists()


# A second person resets it


def test_a_colleague_resets_it_and_what_was_shown_counts_no_more(clerk: User) -> None:
    second_factor.set_up(clerk, SECRET)
    his = Client()
    his.force_login(clerk)
    assert his.get(FIRST).status_code == 200
    admin = build.staff_with("accounts.reset_second_factor", "accounts.view_user", username="admin")
    desk = Client()
    desk.force_login(admin)
    act = f"{reverse('admin:accounts_user_act', args=['reset-second-factor'])}?ids={clerk.pk}"
    assert desk.post(act, {"reason": "手机丢失，已视频核实"}).status_code == 302
    assert not Authenticator.objects.filter(user=clerk).exists()
    assert his.get(FIRST)["Location"].startswith(SET_UP)
    row = AuditRow.objects.get(action="accounts.user.reset-second-factor")
    assert (row.actor, row.object_id, row.reason) == (
        f"user:{admin.pk}",
        str(clerk.pk),
        "手机丢失，已视频核实",
    )


def test_nobody_resets_his_own_nor_that_of_who_stands_higher() -> None:
    here = Region.objects.create(code="H", name="H", level="CITY", parent=build.operator())
    local = build.staff_with("accounts.reset_second_factor", username="local", region=here)
    higher, root = build.staff_with("operations.view_slip", username="higher"), build.superuser()
    beside = build.staff_with("operations.view_slip", username="beside", region=here)
    how: dict[str, Any] = {"actor": Actor.user(local), "as_of": NOON}
    for each in (local, higher, root, beside):
        second_factor.set_up(each, SECRET)
    with pytest.raises(staff.NotForOneself):
        staff.reset_second_factor(user_id=local.pk, **how)
    for each in (higher, root):
        with pytest.raises(staff.MayNotGrant):
            staff.reset_second_factor(user_id=each.pk, **how)
        assert second_factor.has_one(each)
    staff.reset_second_factor(user_id=beside.pk, **how)
    with pytest.raises(staff.NoSecondFactor):
        staff.reset_second_factor(user_id=beside.pk, **how)


def test_a_customer_who_lost_his_app_is_helped_where_his_accounts_lie() -> None:
    top = build.operator()
    here, there = (Region.objects.create(code=code, name=code, level="CITY", parent=top) for code in "HT")
    local = build.staff_with("accounts.reset_second_factor", username="local", region=here)
    how: dict[str, Any] = {"actor": Actor.user(local), "as_of": NOON}
    near, far, nobody_s = (people.user(f"+861380000003{digit}") for digit in range(3))
    for user, region, number in ((near, here, "8100000001"), (far, there, "8100000002")):
        account = people.account(number)
        BillingAccount.objects.filter(pk=account.pk).update(region=region)
        people.bind(user, account)
    for each in (near, far, nobody_s):
        second_factor.set_up(each, SECRET)
    staff.reset_second_factor(user_id=near.pk, **how)
    assert not second_factor.has_one(near)
    for each in (far, nobody_s):
        with pytest.raises(staff.MayNotGrant):
            staff.reset_second_factor(user_id=each.pk, **how)
        assert second_factor.has_one(each)


# The trail


def test_coming_and_going_and_refusals_are_kept(clerk: User) -> None:
    client = Client()
    client.force_login(clerk)
    assert client.get(reverse("admin:billing_bill_changelist")).status_code == 403
    client.post(reverse("admin:logout"))
    assert actions() == ["staff.refused", "staff.logged_out"]
    refused = AuditRow.objects.order_by("pk")[0]
    assert (refused.actor, refused.detail["path"]) == (f"user:{clerk.pk}", "/admin/billing/bill/")


def test_the_auditor_finds_rows_by_person_object_day_and_address(clerk: User) -> None:
    his = Client(REMOTE_ADDR="203.0.113.9")
    his.force_login(clerk)
    his.get(reverse("admin:billing_bill_changelist"))
    Client().get(FIRST)
    auditor = Client()
    auditor.force_login(build.staff_with("core.view_auditrow", username="auditor"))
    trail = reverse("admin:core_auditrow_changelist")
    today = clock.local_date(clock.now()).isoformat()
    row = AuditRow.objects.get()

    def found(**query: str) -> list[int]:
        return [each.pk for each in auditor.get(trail, query).context["cl"].result_list]

    assert "clerk" in auditor.get(trail).content.decode()
    for hit in ({"person": "clerk"}, {"person": f"user:{clerk.pk}"}, {"from": "203.0.113.9"}):
        assert found(**hit) == [row.pk]
    assert found(kind="staff.Page", object="/admin/billing/bill/") == [row.pk]
    assert found(at_from=today, at_to=today) == [row.pk]
    for miss in ({"person": "nobody"}, {"from": "203.0.113.8"}, {"from": "x"}, {"kind": "billing.Bill"}):
        assert found(**miss) == []
    assert auditor.get(reverse("admin:core_auditrow_change", args=[row.pk])).status_code == 200
