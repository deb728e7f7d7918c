from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import names, phones, tasks
from accounts.models import CodeRequest, User
from accounts.services import users
from core import clock
from core.models import Heartbeat
from tests.accounts import build
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db


def test_a_user_is_found_by_the_phone_he_proved() -> None:
    user = users.create(phone="138 0000 0001", name=" 王 ", as_of=NOON)
    assert users.by_proven_phone(build.PHONE) == user
    assert (user.name, user.phone_verified_at, user.has_usable_password()) == ("王", NOON, False)


def test_a_claim_finds_nobody() -> None:
    user = User.objects.create(username="u")
    users.claim_phone(user=user, phone=build.PHONE, as_of=NOON)
    assert users.by_proven_phone(build.PHONE) is None
    assert user.proven_phone is None


def test_several_may_claim_and_one_proves() -> None:
    claims = [User.objects.create(username=f"u{n}", phone=build.PHONE) for n in range(3)]
    users.prove_phone(user=claims[1], phone=build.PHONE, as_of=NOON)
    assert [User.objects.get(pk=user.pk).phone for user in claims] == [None, build.PHONE, None]
    with pytest.raises(users.PhoneTaken):
        users.prove_phone(user=claims[0], phone=build.PHONE, as_of=NOON)
    assert User.objects.get(pk=claims[1].pk).proven_phone == build.PHONE


def test_a_phone_proven_again_keeps_its_day() -> None:
    user = build.user()
    users.prove_phone(user=user, phone=build.PHONE, as_of=NOON + timedelta(days=1))
    user.refresh_from_db()
    assert user.phone_verified_at == NOON


@pytest.mark.parametrize("claimed", [build.PHONE, None])
@pytest.mark.django_db(transaction=True)
def test_two_who_prove_at_the_same_moment_are_one(claimed: str | None) -> None:
    pair = [User.objects.create(username=f"u{n}", phone=claimed) for n in range(2)]

    def prove(user: User) -> str:
        try:
            users.prove_phone(user=user, phone=build.PHONE, as_of=NOON)
        except users.PhoneTaken as error:
            return error.code
        return "proven"

    assert sorted(together(lambda: prove(pair[0]), lambda: prove(pair[1]))) == ["PHONE_TAKEN", "proven"]
    assert User.objects.filter(phone=build.PHONE).count() == 1


def test_the_database_knows_one_owner_per_phone() -> None:
    build.user()
    with pytest.raises(IntegrityError, match="user_proven_phone_once"), transaction.atomic():
        User.objects.create(username="u", phone=build.PHONE, phone_verified_at=NOON)
    with pytest.raises(IntegrityError, match="user_phone_e164"), transaction.atomic():
        User.objects.create(username="u", phone="13800000002")


def test_what_makes_no_user() -> None:
    build.user()
    with pytest.raises(users.PhoneTaken):
        users.create(phone=build.PHONE, as_of=NOON)
    with pytest.raises(phones.BadPhone):
        users.create(phone="10086", as_of=NOON)
    with pytest.raises(names.BadName):
        users.create(phone=build.OTHER_PHONE, name="<b>", as_of=NOON)
    assert User.objects.count() == 1


def test_the_profile() -> None:
    user = build.user()
    users.update_profile(user_id=user.pk, name=" 李 ", language="en")
    user.refresh_from_db()
    assert (user.name, user.language) == ("李", "en")
    users.update_profile(user_id=user.pk, name="", language="zh-hans")
    with pytest.raises(users.UnknownLanguage):
        users.update_profile(user_id=user.pk, name="王", language="tlh")
    user.refresh_from_db()
    assert (user.name, user.language) == ("", "zh-hans")


def test_the_daily_purge() -> None:
    User.objects.create(username="left", phone=build.PHONE, date_joined=NOON)
    CodeRequest.objects.create(purpose="login", target="x", is_sent=False, at=NOON)
    with clock.stopped(NOON + timedelta(days=40)):
        tasks.purge()
        tasks.purge()
    assert not User.objects.exists()
    assert not CodeRequest.objects.exists()
    assert Heartbeat.objects.get(job="accounts.purge").last_ok


def test_a_language_is_chosen_among_those_there_are() -> None:
    user = build.user(build.PHONE)
    users.choose_language(user_id=user.pk, language="en")
    with pytest.raises(users.UnknownLanguage):
        users.choose_language(user_id=user.pk, language="tlh")
    user.refresh_from_db()
    assert user.language == "en"
