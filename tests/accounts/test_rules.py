from dataclasses import replace

import pytest

from accounts import rules
from accounts.models import Membership

NONE = rules.Asked(target_minute=0, target_day=0, phone_day=0, client_hour=0, who_hour=0, sent_hour=0)
LIMITS = rules.Limits(
    target_minute=1, target_day=10, phone_day=10, client_hour=20, who_hour=10, sent_hour=3000
)


@pytest.mark.parametrize(
    ("proven", "contact", "role"),
    [
        ("+8613800000001", "+8613800000001", "OWNER"),
        ("+8613800000002", "+8613800000001", "PAYER"),
        (None, "+8613800000001", "PAYER"),
    ],
)
def test_who_reads_the_contact_s_messages_owns_the_account(
    proven: str | None, contact: str, role: str
) -> None:
    assert rules.role_of_binder(proven_phone=proven, contact_phone=contact) == role


def test_roles_in_their_order() -> None:
    ranked = sorted(
        Membership.Role.values, key=lambda role: sum(rules.outranks(role, x) for x in Membership.Role)
    )
    assert ranked == ["VIEWER", "HANDLER", "PAYER", "OWNER"]
    assert not rules.outranks("OWNER", "OWNER")


@pytest.mark.parametrize(
    ("name", "reached", "below"),
    [
        ("target_minute", 1, 0),
        ("target_day", 10, 9),
        ("client_hour", 20, 19),
        ("who_hour", 10, 9),
        ("sent_hour", 3000, 2999),
    ],
)
def test_each_limit(name: str, reached: int, below: int) -> None:
    assert rules.too_often(replace(NONE, **{name: reached}), LIMITS) == name
    assert rules.too_often(replace(NONE, **{name: below}), LIMITS) == ""


def test_the_ceiling_is_named_first() -> None:
    assert rules.too_often(replace(NONE, sent_hour=3000, client_hour=20), LIMITS) == "sent_hour"


@pytest.mark.parametrize(
    ("sent", "phone", "goes_out"),
    [(9, "+8613800000001", True), (10, "+8613800000001", False), (0, "", False)],
)
def test_whether_a_message_goes_out(sent: int, phone: str, goes_out: bool) -> None:
    assert rules.may_send(replace(NONE, phone_day=sent), LIMITS, phone=phone) is goes_out


def test_the_day_of_a_phone_is_not_refused_aloud() -> None:
    assert rules.too_often(replace(NONE, phone_day=99), LIMITS) == ""
