"""The table of limits knows what the hall offers: operations that write to strangers or bring files have their own."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Invitation
from core.uploads.models import Upload
from hall import checks
from operations import registry
from operations.attachments import AttachmentField
from tests.accounts import build

BRING_FILES = sorted(
    operation.code
    for operation in registry.everything()
    if any(isinstance(field, AttachmentField) for field in operation.form_class.base_fields.values())
)


def test_there_are_operations_that_bring_files() -> None:
    assert "bill.dispute" in BRING_FILES


@pytest.mark.parametrize("code", [*BRING_FILES, "member.invite"])
def test_it_has_a_limit_of_its_own(settings: Any, code: str) -> None:
    assert f"POST operations:form {code}" in settings.RATE_LIMITS


def test_every_entry_is_of_an_address_and_an_operation(settings: Any) -> None:
    assert checks.limits_are_of_addresses() == []
    settings.RATE_LIMITS = {
        "POST operations:form member.invited": "1/h/user",
        "POST operations:from": "1/h/user",
        "POST operations:form member.invite now": "1/h/user",
    }
    assert [each.id for each in checks.limits_are_of_addresses()] == ["hall.E004"] * 3


@pytest.mark.django_db
def test_who_invites_too_often_is_refused_and_nothing_is_made(client: Client) -> None:
    """Each invitation is a message to somebody who did not ask for it."""
    owner, account = build.user(), build.account()
    build.bind(owner, account)
    client.force_login(owner)
    asked = {"_step": "quote", "account": account.number, "phone": build.OTHER_PHONE, "role": "PAYER"}
    answers = [client.post("/operations/member.invite/", asked).status_code for _ in range(21)]
    assert (set(answers[:20]), answers[20]) == ({200}, 429)
    assert client.get("/operations/member.invite/").status_code == 200
    assert not Invitation.objects.exists()


@pytest.mark.django_db
def test_who_sends_files_too_often_is_refused_before_any_is_kept(client: Client, settings: Any) -> None:
    settings.RATE_LIMITS = {"POST operations:form bill.dispute": "1/h/user"}
    client.force_login(build.user())
    assert client.post("/operations/bill.dispute/", {}).status_code != 429
    assert client.post("/operations/bill.dispute/", {}).status_code == 429
    assert not Upload.objects.exists()
