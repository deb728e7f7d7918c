"""consent.change and profile.change: no is the default, every change is kept, what a consent allowed ends with it."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import ConsentChange, ProfileDetails, Purpose, User
from accounts.services import consents
from core.actor import Actor
from operations.models import SlipState
from tests.accounts import build
from tests.accounts.desk import Committed, Desk
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
HOW = consents.How(actor=Actor("test:consents"), channel="WEB")


@pytest.fixture
def wang() -> User:
    return build.user()


@pytest.fixture
def desk(wang: User, django_capture_on_commit_callbacks: Committed) -> Desk:
    return Desk(wang, django_capture_on_commit_callbacks)


def give(user: User, purpose: str = Purpose.PROFILE, *, is_given: bool = True) -> ConsentChange:
    return consents.change(user_id=user.pk, purpose=purpose, is_given=is_given, how=HOW, as_of=NOON)


def tell(user: User) -> ProfileDetails:
    return consents.set_details(
        user_id=user.pk, occupation="TEACHER", education="BACHELOR", interests=["SPORT", "NEWS"], as_of=NOON
    )


def test_nothing_is_agreed_to_by_default(wang: User) -> None:
    assert consents.in_force(wang.pk) == dict.fromkeys(Purpose.values, False)


def test_a_yes_and_a_no_are_both_kept(desk: Desk, wang: User) -> None:
    yes = desk.submit("consent.change", purpose="MARKETING", answer="yes")
    no = desk.later(days=1).submit("consent.change", purpose="MARKETING", answer="no")
    rows = ConsentChange.objects.order_by("pk")
    assert [(row.is_given, row.slip_number, row.channel) for row in rows] == [
        (True, yes.number, "WEB"),
        (False, no.number, "WEB"),
    ]
    assert {row.text_version for row in rows} == {"MARKETING-1"}
    assert "我同意接收优惠" in rows[0].text
    assert not consents.is_in_force(wang.pk, "MARKETING")
    assert desk.refusal("consent.change", purpose="MARKETING", answer="no") == "CONSENT_UNCHANGED"


def test_a_purpose_stands_for_itself(wang: User) -> None:
    give(wang, Purpose.MARKETING)
    assert consents.in_force(wang.pk) == {"PROFILE": False, "MARKETING": True, "PERSONAL": False}
    assert not consents.is_in_force(build.user(build.OTHER_PHONE).pk, "MARKETING")


def test_history_is_never_changed(wang: User) -> None:
    give(wang)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        ConsentChange.objects.update(is_given=False)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        ConsentChange.objects.all().delete()


def test_details_need_the_consent(desk: Desk, wang: User) -> None:
    raw = {"occupation": "TEACHER", "education": "", "interests": ["SPORT"]}
    assert desk.refusal("profile.change", **raw) == "FORBIDDEN"
    with pytest.raises(consents.ConsentMissing):
        tell(wang)
    with pytest.raises(IntegrityError, match="need the user's consent"), transaction.atomic():
        ProfileDetails.objects.create(user=wang, occupation="TEACHER", updated_at=NOON)
    assert not ProfileDetails.objects.exists()


def test_details_are_kept_in_one_place(desk: Desk, wang: User) -> None:
    give(wang)
    raw: dict[str, Any] = {"occupation": "TEACHER", "education": "", "interests": ["SPORT", "NEWS"]}
    slip = desk.submit("profile.change", **raw)
    assert slip.state == SlipState.DONE
    assert "TEACHER" not in str([slip.data, slip.quote])
    row = ProfileDetails.objects.get()
    assert (row.occupation, row.education, row.interests) == ("TEACHER", "", ["NEWS", "SPORT"])
    assert desk.refusal("profile.change", occupation="KING") == "INVALID_INPUT"
    with pytest.raises(consents.BadDetails):
        consents.set_details(user_id=wang.pk, occupation="", education="", interests=["CRIME"], as_of=NOON)


def test_withdrawing_wipes_them(desk: Desk, wang: User) -> None:
    give(wang)
    tell(wang)
    assert "立即删除" in str(desk.quote("consent.change", purpose="PROFILE", answer="no").quote.warnings)
    desk.submit("consent.change", purpose="PROFILE", answer="no")
    assert not ProfileDetails.objects.exists()
    assert not consents.is_in_force(wang.pk, "PROFILE")


def test_the_law_wants_them_wiped_first(wang: User) -> None:
    give(wang)
    tell(wang)
    row = {"user": wang, "text_version": "X", "channel": "WEB", "actor": "x", "at": NOON}
    with pytest.raises(IntegrityError, match="details go before"), transaction.atomic():
        ConsentChange.objects.create(purpose="PROFILE", is_given=False, **row)
    ConsentChange.objects.create(purpose="MARKETING", is_given=False, **row)
    assert ProfileDetails.objects.exists()


def test_after_withdrawing_nothing_is_told_any_more(wang: User) -> None:
    give(wang)
    tell(wang)
    give(wang, is_given=False)
    with pytest.raises(consents.ConsentMissing):
        tell(wang)


def test_all_end_together(wang: User) -> None:
    for purpose in (Purpose.PROFILE, Purpose.MARKETING):
        give(wang, purpose)
    tell(wang)
    assert consents.withdraw_all(user_id=wang.pk, how=HOW, as_of=NOON) == 2
    assert not any(consents.in_force(wang.pk).values())
    assert not ProfileDetails.objects.exists()


def test_the_page_shows_one_s_own_choices_alone(wang: User, client: Client) -> None:
    give(wang)
    tell(wang)
    client.force_login(wang)
    text = client.get("/me/consents/").content.decode()
    assert "教师" in text
    assert "已同意：补充资料" in text
    client.force_login(build.user(build.OTHER_PHONE))
    text = client.get("/me/consents/").content.decode()
    assert "教师" not in text
    assert "还没有变更" in text
