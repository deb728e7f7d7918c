"""The audit trail: found by person, action, object, place and day; in words; taken along as a file."""

import csv
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Region, User
from core import audit
from core.actor import Actor
from core.models import AuditRow
from hall import audit_trail
from tests.admin import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LIST = "admin:core_auditrow_changelist"
EXPORT = "admin:core_auditrow_export"
ROOMS = ("accounts", "billing", "content", "core", "hall", "notices", "operations")
ACTION = re.compile(r'\baction="([a-z_.]+\.[a-z_.]+)"')


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def done(
    by: User, action: str = "staff.logged_in", *, lies_in: Region | None = None, reason: str = ""
) -> None:
    audit.record(
        actor=Actor.user(by),
        action=action,
        subject=by,
        reason=reason,
        as_of=NOON,
        address="192.0.2.7",
        lies_in=lies_in.pk if lies_in else None,
    )


def found(client: Client, **query: str) -> set[str]:
    answer = client.get(reverse(LIST), query)
    assert answer.status_code == 200
    return {row.action for row in answer.context["cl"].result_list}


def taken(client: Client, **query: str) -> list[list[str]]:
    answer = client.get(reverse(EXPORT), query)
    assert answer.status_code == 200
    text = answer.getvalue().decode("utf-8-sig")
    return list(csv.reader(text.splitlines()))


def test_every_filter_finds_its_rows() -> None:
    east, west = (Region.objects.create(code=code, name=code, level=Region.Level.CITY) for code in ("E", "W"))
    root, clerk = build.superuser(), build.staff_with("accounts.view_user")
    done(clerk, "staff.logged_in", lies_in=east)
    done(root, "staff.logged_out", lies_in=west)
    client, tomorrow = client_of(root), (NOON + timedelta(days=1)).date().isoformat()
    assert found(client) == {"staff.logged_in", "staff.logged_out"}
    assert found(client, person=clerk.username) == {"staff.logged_in"}
    assert found(client, action="staff.logged_out") == {"staff.logged_out"}
    assert found(client, object=str(root.pk), kind="accounts.User") == {"staff.logged_out"}
    assert found(client, region="E") == {"staff.logged_in"}
    assert found(client, **{"from": "192.0.2.7"}) == {"staff.logged_in", "staff.logged_out"}
    assert found(client, **{"from": "192.0.2.8"}) == set()
    assert found(client, at_from=tomorrow) == set()


def test_filtered_lists_take_few_queries() -> None:
    root = build.superuser()
    for _turn in range(30):
        done(root)
    client = client_of(root)
    for query in ({"person": "root"}, {"action": "staff.logged_in"}, {"object": str(root.pk)}):
        with CaptureQueriesContext(connection) as queries:
            assert found(client, **query) == {"staff.logged_in"}
        assert len(queries) <= 12


def test_rows_speak_in_words() -> None:
    root = build.superuser()
    done(root, "accounts.user.reset-second-factor")
    page = client_of(root).get(reverse(LIST)).content.decode()
    assert "用户：重置第二验证" in page
    assert f"用户 {root.pk}" in page


def test_every_action_in_the_code_has_a_name() -> None:
    base = Path(__file__).parents[2]
    written = {
        action
        for room in ROOMS
        for file in sorted((base / room).rglob("*.py"))
        for action in ACTION.findall(file.read_text(encoding="utf-8"))
    }
    assert len(written) > 10
    assert written - audit_trail.titles().keys() == set()


def test_the_file_holds_what_the_list_shows_and_taking_it_is_kept() -> None:
    root = build.superuser()
    done(root, reason="=HYPERLINK(1)")
    done(root, "staff.logged_out")
    heading, *rows = taken(client_of(root), action="staff.logged_in")
    assert heading[:3] == ["时间", "操作人", "操作"]
    assert [row[1:4] for row in rows] == [["root", "登录", "staff.logged_in"]]
    assert rows[0][6] == "'=HYPERLINK(1)"
    kept = AuditRow.objects.get(action=audit_trail.EXPORTED)
    assert kept.detail == {"rows": 1, "filters": "action=staff.logged_in"}


def test_the_file_holds_nothing_from_elsewhere() -> None:
    east, west = (Region.objects.create(code=code, name=code, level=Region.Level.CITY) for code in ("E", "W"))
    auditor = build.staff_with("core.view_auditrow", username="auditor-east", region=east)
    done(auditor, lies_in=east)
    done(auditor, "staff.logged_out", lies_in=west)
    _heading, *rows = taken(client_of(auditor))
    assert [row[3] for row in rows] == ["staff.logged_in"]


def test_who_may_not_look_takes_nothing() -> None:
    clerk = build.staff_with("accounts.view_user")
    done(clerk)
    assert client_of(clerk).get(reverse(EXPORT)).status_code == 403
    assert not AuditRow.objects.filter(action=audit_trail.EXPORTED).exists()
