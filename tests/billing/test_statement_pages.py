"""The staff's page of a channel's day: who may open it, what it shows, how few queries it takes."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing.models import StatementDifference
from core.models import AuditRow
from tests.admin import build as staff
from tests.billing import build
from tests.billing import statements_build as made
from tests.billing.statements_build import DAY, Row

pytestmark = pytest.mark.django_db
URL = f"/admin/billing/statement/day/alipay/{DAY}/"
MOST_QUERIES = 14


def client(user: User) -> Client:
    found = Client()
    found.force_login(user)
    return found


@pytest.fixture
def desk() -> Client:
    return client(staff.superuser())


def days(folder: Path, more: int = 0) -> None:
    """One day with a bit of everything, and an empty day after it."""
    _payment, row = made.paid(2600)
    made.paid(1800)
    strangers = [Row(f"TX{n}", f"NOTOURS{n}", 100) for n in range(1 + more)]
    made.load(folder, [row, *strangers])
    made.load(folder, [], day=DAY.replace(day=DAY.day + 1))


def test_the_page_tells_counts_sums_differences_and_who_imported(tmp_path: Path, desk: Client) -> None:
    days(tmp_path)
    answer = desk.get(URL)
    assert answer.status_code == 200
    rows = {row.verdict: row for row in answer.context["found"].rows}
    assert (rows["MATCHED"].payments.number, rows["MATCHED"].payments.cents) == (1, 2600)
    assert (rows["LOCAL_ONLY"].payments.cents, rows["LOCAL_ONLY"].waiting) == (1800, 1)
    assert (rows["CHANNEL_ONLY"].payments.cents, rows["CHANNEL_ONLY"].waiting) == (100, 1)
    text = answer.content.decode()
    for shown in (
        "¥26.00",
        "¥18.00",
        "TX0",
        "NOTOURS0",
        "短款：渠道没有",
        made.ACTOR.ref,
        made.MERCHANT,
        "向渠道查询",
    ):
        assert shown in text
    assert "还有 2 笔差异待处理" in text


def test_the_page_takes_few_queries_whatever_its_length(
    tmp_path: Path, desk: Client, django_assert_max_num_queries: object
) -> None:
    days(tmp_path, more=70)
    assert callable(django_assert_max_num_queries)
    with django_assert_max_num_queries(MOST_QUERIES):
        answer = desk.get(URL)
    assert len(answer.context["entries"]) == 50
    assert len(desk.get(URL, {"p": "2"}).context["entries"]) == 22


def test_days_and_channels_lead_to_each_other(tmp_path: Path, desk: Client) -> None:
    days(tmp_path)
    answer = desk.get(URL)
    assert answer.context["earlier"] is None
    assert answer.context["later"].endswith(f"/alipay/{DAY.replace(day=DAY.day + 1)}/")
    assert desk.get(answer.context["later"]).context["found"].waiting == 0
    other = desk.get(f"/admin/billing/statement/day/wechatpay/{DAY}/")
    assert "还没有导入对账单" in other.content.decode()
    latest = desk.get("/admin/billing/statement/day/")
    assert latest["Location"].endswith(f"/alipay/{DAY.replace(day=DAY.day + 1)}/")


def test_without_statements_the_newest_day_is_the_list(desk: Client) -> None:
    assert desk.get("/admin/billing/statement/day/")["Location"] == reverse(
        "admin:billing_statement_changelist"
    )


@pytest.mark.parametrize("path", [f"nobank/{DAY}/", "alipay/2026-13-01/", "alipay/x/"])
def test_days_that_cannot_be_are_404(desk: Client, path: str) -> None:
    assert desk.get(f"/admin/billing/statement/day/{path}").status_code == 404


def test_an_older_version_is_named_and_no_longer_counts(tmp_path: Path, desk: Client) -> None:
    days(tmp_path)
    made.load(tmp_path, [], new_version=True)
    answer = desk.get(URL)
    assert [row.version for row in answer.context["found"].superseded] == [1]
    assert "已被新版本取代" in answer.content.decode()
    assert {row["row"].statement_id for row in answer.context["entries"]} == {
        answer.context["found"].current[0].pk
    }


def test_only_staff_with_the_right_see_it(tmp_path: Path) -> None:
    days(tmp_path)
    for path in (URL, "/admin/billing/statement/day/"):
        assert client(build.user()).get(path).status_code in (302, 403)
        assert (
            client(staff.staff_with("billing.view_bill", username=f"c{len(path)}")).get(path).status_code
            == 403
        )
    looker = client(staff.staff_with("billing.view_statement", username="looker"))
    answer = looker.get(URL)
    assert answer.status_code == 200
    entries = answer.context["entries"]
    assert {(entry["url"], tuple(entry["links"]), tuple(entry["acts"])) for entry in entries} == {
        ("", (), ())
    }


def test_staff_close_a_difference_with_a_reason(tmp_path: Path, desk: Client) -> None:
    days(tmp_path)
    row = StatementDifference.objects.get(verdict="CHANNEL_ONLY")
    page = f"/admin/billing/statementdifference/act/close/?ids={row.pk}"
    assert desk.get(page).status_code == 200
    desk.post(page, {"reason": ""})
    row.refresh_from_db()
    assert row.state == "OPEN"
    desk.post(page, {"reason": "已与渠道核实"})
    row.refresh_from_db()
    assert row.state == "CLOSED"
    audited = AuditRow.objects.get(action="billing.statementdifference.close")
    assert audited.reason == "已与渠道核实"
    looker = client(staff.staff_with("billing.view_statementdifference", username="looker2"))
    assert looker.post(page, {"reason": "不行"}).status_code == 403
