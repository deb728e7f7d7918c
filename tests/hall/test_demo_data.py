"""The demo: own data, complete, the same on each machine, and never where it does not belong."""

import io
import stat
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.db.models import F
from pytest_django import Settings

from accounts import posts
from accounts.models import BillingAccount, Membership, Post, User
from accounts.selectors import accounts
from billing.models import Bill, Receipt
from billing.selectors import balances, ledger_check
from catalog.models import ChargedMonth, Subscription
from core import clock
from hall import staff_roles
from hall.demo import build, plan, staff

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALL_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("HALL_DEMO_STAFF_PASSWORD", raising=False)
    return tmp_path


def load(*options: str, at: datetime = NOON) -> str:
    out = io.StringIO()
    with clock.stopped(at):
        call_command("demo_data", *options, stdout=out)
    return out.getvalue()


def owed(number: str) -> tuple[int, int]:
    found = balances.of_account(
        BillingAccount.objects.get(number=number), today=clock.local_date(clock.now())
    )
    return found.owed_cents, found.open_bills


def test_the_people_find_what_they_are_promised() -> None:
    load()
    customer = User.objects.get(phone=plan.CUSTOMER)
    assert [account.number for account in accounts.of_user(customer)] == ["8800100001", "8800100002"]
    assert owed("8800100001") == (14_800, 2)
    assert owed("8800100002") == (3_100, 1)
    assert Bill.objects.filter(paid_cents__gt=0, account__number="8800100002").latest("issued_on").open_cents
    assert owed("8800100003") == (3_400, 1)
    newcomer = User.objects.get(phone=plan.NEWCOMER)
    assert not Membership.objects.filter(user=newcomer).exists()
    assert accounts.primary_phone_of_number("8800100004") == plan.NEWCOMER


def test_the_books_are_right_and_nothing_lies_in_the_future() -> None:
    load()
    assert BillingAccount.objects.count() == 22
    assert Bill.objects.count() == 22 * plan.MONTHS
    assert not list(ledger_check.differences())
    assert not Receipt.objects.filter(paid_at__gt=NOON).exists()
    assert not Bill.objects.filter(issued_on__gt=clock.local_date(NOON)).exists()


def test_again_adds_nothing_and_the_next_month_adds_one_open_bill_each() -> None:
    load()
    receipts = Receipt.objects.count()
    assert "0 new accounts, 0 new bills" in load()
    assert "0 new accounts, 22 new bills" in load(at=NOON + timedelta(days=30))
    assert Receipt.objects.count() == receipts
    assert owed("8800100001") == (22_200, 3)
    assert not list(ledger_check.differences())


def test_what_the_bills_charge_is_held_and_counts_as_charged() -> None:
    load()
    assert Subscription.objects.count() == sum(
        line.code in plan.OFFERS for home in plan.households() for line in home.tariff
    )
    assert ChargedMonth.objects.count() == 22 * plan.MONTHS
    assert not ChargedMonth.objects.exclude(bill__total_cents=F("total_cents")).exists()
    holdings = Subscription.objects.count()
    load(at=NOON + timedelta(days=30))
    assert Subscription.objects.count() == holdings
    assert ChargedMonth.objects.count() == 22 * (plan.MONTHS + 1)


def test_the_newest_bill_is_not_overdue_before_the_next_one_comes() -> None:
    for day in (date(2026, 2, 28), date(2026, 11, 30)):
        newest = plan.months(day)[-1]
        assert (newest.issued_on, newest.due_on) == (day.replace(day=1), day)


def test_the_plan_is_the_same_every_time() -> None:
    assert plan.households() == plan.households()
    assert [month.period for month in plan.months(date(2026, 2, 28))] == [
        "2025-08",
        "2025-09",
        "2025-10",
        "2025-11",
        "2025-12",
        "2026-01",
    ]


def test_the_staff_password_is_this_machines_own(folder: Path) -> None:
    load()
    file = folder / "demo-logins.txt"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password = file.read_text().split()[1]
    assert len(password) >= 16
    user = User.objects.get(username="staff")
    assert user.is_staff
    assert user.check_password(password)
    load()
    assert file.read_text().split()[1] == password
    assert password in load("--logins")


def test_a_lost_password_file_gets_a_new_password(folder: Path) -> None:
    load()
    (folder / "demo-logins.txt").unlink()
    load()
    assert User.objects.get(username="staff").check_password(
        (folder / "demo-logins.txt").read_text().split()[1]
    )


def test_there_is_somebody_of_each_role_who_can_log_in(folder: Path) -> None:
    load()
    password = (folder / "demo-logins.txt").read_text().split()[1]
    told = load("--logins")
    for member in staff.MEMBERS:
        user = User.objects.get(username=member.username)
        assert user.check_password(password)
        post = user.posts.get()
        assert (post.role.name, post.region.code) == (member.role, member.region)
        assert posts.permissions(user, as_of=NOON)
        assert f"{member.username} " in told
    assert {member.role for member in staff.MEMBERS} == {role.name for role in staff_roles.ROLES}
    load(at=NOON + timedelta(days=1))
    assert Post.objects.count() == len(staff.MEMBERS)


def test_certificates_are_good_ending_and_missing() -> None:
    load()
    clerk, ending, new = (User.objects.get(username=name) for name in ("clerk", "clerk-west", "clerk-new"))
    posts.check_clerk(clerk, NOON)
    assert posts.certificate_ends_on(clerk, NOON) is None
    assert posts.certificate_ends_on(ending, NOON) == date(2026, 12, 8)
    with pytest.raises(posts.CertificateMissing):
        posts.check_clerk(new, NOON)


def test_the_code_of_the_app_is_told_here_and_nowhere_else(settings: Settings) -> None:
    load()
    user = User.objects.get(username="staff")
    out = io.StringIO()
    call_command("totp", "staff", stdout=out)
    totp = Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP)
    assert totp.wrap().validate_code(out.getvalue().strip())
    with pytest.raises(CommandError):
        call_command("totp", "nobody")
    settings.ALLOW_DEMO_DATA = False
    with pytest.raises(CommandError):
        call_command("totp", "staff")


def test_logins_are_told_without_loading_anything(settings: Settings) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8001"
    told = load("--logins")
    assert "13800000001" in told
    assert "http://127.0.0.1:8001/sms/" in told
    assert "8800100004" in told
    assert not User.objects.exists()


def test_it_is_refused_where_it_does_not_belong(settings: Settings) -> None:
    settings.ALLOW_DEMO_DATA = False
    with pytest.raises(CommandError):
        load()
    assert not BillingAccount.objects.exists()


def test_production_settings_never_allow_it() -> None:
    text = Path("hall/settings/prod.py").read_text() + Path("hall/settings/base.py").read_text()
    assert "ALLOW_DEMO_DATA" not in text


def test_an_account_is_made_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(build, "_receive", broken)
    with pytest.raises(RuntimeError):
        build.everything(as_of=NOON)
    monkeypatch.undo()
    build.everything(as_of=NOON)
    assert Bill.objects.count() == 22 * plan.MONTHS
    assert owed("8800100001") == (14_800, 2)
