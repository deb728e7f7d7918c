"""The other ends of a line: by its customer's own code, by what takes its place, by an authority and two people."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.models import Region
from arrears.disconnect_rules import Unproven
from arrears.models import AuthorityApproval, AuthorityOrder
from arrears.services import authority_ends
from arrears.services.disconnecting import LAW, unproven_in
from catalog.holdings.services import due, subscriptions
from catalog.holdings.services.subscriptions import Wanted
from catalog.models import Offer, Subscription, Termination
from core.db import violated
from core.errors import HallError
from core.models import AuditRow
from operations.models import Channel, Slip
from operations.services import slips
from tests.admin.build import staff_with
from tests.arrears import build_cut, build_ends
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.catalog.orders import build as orders
from tests.conftest import NOON
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db
HOW: Any = {"actor": build.ACTOR, "as_of": NOON}
Change = Callable[[Slip], object]


@pytest.fixture
def app_role(made_roles: tuple[str, str]) -> str:  # noqa: F811  # the fixture
    return made_roles[0]


@pytest.fixture
def row() -> Subscription:
    return build.held()


def evidence_of(reason: str, row: Subscription, **given: Any) -> dict[str, Any]:
    return {"subscription_id": row.pk, "reason": reason, "actor": "x", "at": NOON} | given


def by_create(values: dict[str, Any], role: str) -> None:
    Termination.objects.create(**values)


def by_bulk_create(values: dict[str, Any], role: str) -> None:
    Termination.objects.bulk_create([Termination(**values)])


def by_raw_sql(values: dict[str, Any], role: str) -> None:
    """As the application's own role, which tries to switch the law off first."""
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        cursor.execute("SET LOCAL pgtrigger.ignore = '{catalog_termination:termination_hears_first}'")
        cursor.execute(f"INSERT INTO catalog_termination ({names}) VALUES ({marks})", list(values.values()))


WAYS = [by_create, by_bulk_create, by_raw_sql]


def refused(values: dict[str, Any], role: str, *codes: Unproven) -> None:
    """By every way, with exactly these codes; nothing has ended."""
    for way in WAYS:
        with pytest.raises(IntegrityError) as seen, transaction.atomic():
            way(values, role)
        assert violated(seen.value) == LAW, way
        assert unproven_in(seen.value) == codes, way
    assert not Termination.objects.exists()
    assert Subscription.objects.get(pk=values["subscription_id"]).state == "ACTIVE"


def _change(**values: Any) -> Change:
    return lambda slip: Slip.objects.filter(pk=slip.pk).update(**values)


def _by_click(slip: Slip) -> None:
    Slip.objects.filter(pk=slip.pk).update(state="QUOTED")
    Slip.objects.filter(pk=slip.pk).update(state="CONFIRMED", confirmation={"kind": "CLICK"})


CUSTOMER: dict[str, tuple[Change, Unproven]] = {
    "a click": (_by_click, Unproven.CUSTOMER_CODE),
    "not confirmed": (_change(confirmation={"kind": "SMS_CODE", "code_id": 1}), Unproven.CUSTOMER_CODE),
    "refused": (_change(state="REFUSED"), Unproven.NOT_HIS_SLIP),
}


@pytest.mark.parametrize("case", list(CUSTOMER))
def test_a_customer_ends_his_line_by_his_own_code_only(row: Subscription, app_role: str, case: str) -> None:
    slip = build.slip(row.account, is_confirmed=case == "refused")
    change, code = CUSTOMER[case]
    change(slip)
    refused(evidence_of("CUSTOMER", row, slip_id=slip.pk), app_role, code)
    with pytest.raises(IntegrityError) as seen, transaction.atomic():
        subscriptions.set_end(number=row.number, on=build.TODAY, slip_id=slip.pk, **HOW)
    assert unproven_in(seen.value) == (code,)
    row.refresh_from_db()
    assert (row.state, row.ends_on) == ("ACTIVE", None)


def test_another_s_slip_ends_nothing(row: Subscription, app_role: str) -> None:
    slip = build.slip(money.account(), line=row)
    refused(evidence_of("CUSTOMER", row, slip_id=slip.pk), app_role, Unproven.NOT_HIS_SLIP)


def test_no_batch_ends_a_line_in_its_customer_s_name(row: Subscription, app_role: str) -> None:
    slip = build.slip(row.account, channel=Channel.BATCH)
    refused(evidence_of("CUSTOMER", row, slip_id=slip.pk), app_role, Unproven.BATCH)


def test_a_batch_is_refused_before_it_gets_as_far() -> None:
    user, account = orders.home()
    build.held(account)
    raw = {"subscription": Subscription.objects.get().number}
    with pytest.raises(HallError) as seen:
        slips.quote(operation="package.cancel", ctx=orders.ctx(user, channel=Channel.BATCH), raw=raw)
    assert seen.value.code == "NOT_IN_BATCH"


def test_the_job_that_carries_out_ends_asks_the_law_too(row: Subscription) -> None:
    """What was written past the services is not ended by the batch that comes after."""
    slip = build.slip(row.account, is_confirmed=False)
    _by_click(slip)
    Subscription.objects.filter(pk=row.pk).update(ends_on=build.TODAY, end_slip=slip)
    *_counts, last = due.run(due.Job(as_of=NOON))
    assert (last.ended, last.failed) == (0, 1)
    assert not Termination.objects.exists()


@pytest.mark.parametrize("way", WAYS)
def test_with_his_code_it_passes(row: Subscription, app_role: str, way: Any) -> None:
    """The control: the ways above work."""
    way(evidence_of("CUSTOMER", row, slip_id=build.slip(row.account).pk), app_role)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert Termination.objects.get().subscription_id == row.pk


def following(row: Subscription) -> Subscription:
    """In use in its place, without any order."""
    new = build.held(row.account)
    Subscription.objects.filter(pk=new.pk).update(follows=row)
    return new


def test_what_is_transferred_has_something_in_its_place(row: Subscription, app_role: str) -> None:
    slip = build.change(row, build.offer())
    refused(evidence_of("TRANSFER", row, slip_id=slip.pk), app_role, Unproven.NO_FOLLOWER)
    following(row)  # which he did not ask for
    refused(evidence_of("TRANSFER", row, slip_id=slip.pk), app_role, Unproven.NO_FOLLOWER)


@pytest.mark.parametrize("way", WAYS)
def test_what_was_changed_by_its_customer_s_code_passes(row: Subscription, app_role: str, way: Any) -> None:
    slip = build.change(row, following(row).offer)
    way(evidence_of("TRANSFER", row, slip_id=slip.pk), app_role)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert Termination.objects.get().subscription_id == row.pk


TRANSFERS: dict[str, tuple[Callable[[Subscription, Offer], Slip], tuple[Unproven, ...]]] = {
    "an end": (
        lambda row, to: build.slip(row.account, line=row),
        (Unproven.NOT_THIS_LINE, Unproven.NO_FOLLOWER),
    ),
    "an order": (
        lambda row, to: build.slip(row.account, operation="package.order", data={"offer": to.code}),
        (Unproven.NOT_THIS_LINE,),
    ),
    "of another line": (lambda row, to: build.change(build.held(row.account), to), (Unproven.NOT_THIS_LINE,)),
    "of somebody else": (
        lambda row, to: build.slip(
            money.account(),
            operation="package.change",
            data={"subscription": row.number, "offer": to.code},
        ),
        (Unproven.NOT_HIS_SLIP,),
    ),
    "refused": (lambda row, to: _ended(build.change(row, to)), (Unproven.NOT_HIS_SLIP,)),
    "not confirmed": (lambda row, to: build.change(row, to, is_confirmed=False), (Unproven.CUSTOMER_CODE,)),
    "a batch": (lambda row, to: build.change(row, to, channel=Channel.BATCH), (Unproven.BATCH,)),
}


def _ended(slip: Slip) -> Slip:
    _change(state="REFUSED")(slip)
    return slip


@pytest.mark.parametrize("case", list(TRANSFERS))
def test_a_slip_of_something_else_transfers_no_line(row: Subscription, app_role: str, case: str) -> None:
    make, codes = TRANSFERS[case]
    better = build.offer()
    slip = make(row, better)
    with (
        pytest.raises(IntegrityError) as seen,
        transaction.atomic(),
    ):  # the service in which it would begin at once
        subscriptions.turn(number=row.number, wanted=Wanted(offer_id=better.pk), slip_id=slip.pk, **HOW)
    assert unproven_in(seen.value) == codes
    new = build.held(row.account, better)
    Subscription.objects.filter(pk=new.pk).update(follows=row)
    refused(evidence_of("TRANSFER", row, slip_id=slip.pk), app_role, *codes)


def test_a_batch_changes_no_package() -> None:
    user, account = orders.home()
    row = build.held(account)
    raw = {"subscription": row.number, "offer": build.offer().code}
    with pytest.raises(HallError) as seen:
        slips.quote(operation="package.change", ctx=orders.ctx(user, channel=Channel.BATCH), raw=raw)
    assert seen.value.code == "NOT_IN_BATCH"


BOTH = (Unproven.DOCUMENT, Unproven.TWO_APPROVERS)


def test_an_authority_ends_it_by_its_own_document_and_two_people(row: Subscription, app_role: str) -> None:
    values = evidence_of("AUTHORITY", row)
    refused(values | {"document_id": build_ends.document().pk}, app_role, *BOTH)
    of_another = build_ends.ordered(build.held())
    refused(values | {"document_id": of_another.document_id}, app_role, *BOTH)
    for approvers in (0, 1):
        order = build_ends.ordered(row, approvers=approvers)
        refused(values | {"document_id": order.document_id}, app_role, Unproven.TWO_APPROVERS)


@pytest.mark.parametrize("way", WAYS)
def test_with_document_and_two_it_passes(row: Subscription, app_role: str, way: Any) -> None:
    way(evidence_of("AUTHORITY", row, document_id=build_ends.ordered(row).document_id), app_role)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert Termination.objects.get().reason == "AUTHORITY"


def test_an_end_without_any_evidence_is_refused_by_the_law_of_below(row: Subscription) -> None:
    for reason in ("CUSTOMER", "TRANSFER", "AUTHORITY", "ARREARS"):
        with pytest.raises(IntegrityError) as seen, transaction.atomic():
            Termination.objects.create(**evidence_of(reason, row))
        assert violated(seen.value) == "termination_needs_evidence"


def test_whoever_wrote_the_order_down_does_not_approve_it(row: Subscription) -> None:
    order = build_ends.ordered(row, approvers=0)
    with pytest.raises(authority_ends.OwnOrder):
        authority_ends.approve(order_id=order.pk, user_id=order.made_by_id, reason="x", as_of=NOON)
    with pytest.raises(IntegrityError) as seen, transaction.atomic():
        AuthorityApproval.objects.bulk_create(
            [AuthorityApproval(order=order, user_id=order.made_by_id, reason="x", at=NOON)]
        )
    assert violated(seen.value) == "authority_approval_not_by_maker"
    first = build_cut.person()
    assert not authority_ends.approve(order_id=order.pk, user_id=first.pk, reason="x", as_of=NOON)
    with pytest.raises(authority_ends.ApprovedBefore):
        authority_ends.approve(order_id=order.pk, user_id=first.pk, reason="x", as_of=NOON)
    assert build.state(row) == "ACTIVE"
    assert authority_ends.approve(order_id=order.pk, user_id=build_cut.person().pk, reason="x", as_of=NOON)
    assert build.state(row) == "TERMINATED"
    with pytest.raises(authority_ends.NotInUse):
        authority_ends.approve(order_id=order.pk, user_id=build_cut.person().pk, reason="x", as_of=NOON)


def letter(data: bytes = b"") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(out, "PNG")
    return SimpleUploadedFile("公函.png", data or out.getvalue(), content_type="image/png")


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT, settings.UPLOAD_SCANNER = str(tmp_path), "off"


def client_of(username: str, *permissions: str, region: Region | None = None) -> Client:
    client = Client()
    client.force_login(staff_with(*permissions, username=username, region=region))
    return client


FORM = {"authority": "市公安局", "reference": "公函〔2026〕1 号", "reason": "涉案"}
ASK, SEE = ("arrears.add_authorityorder", "arrears.approve_authorityorder"), "arrears.view_authorityorder"


@pytest.mark.usefixtures("folder")
def test_on_the_staff_pages_one_writes_it_down_and_two_approve(row: Subscription) -> None:
    clerk = client_of("clerk", *ASK, SEE)
    page = reverse("admin:arrears_authorityorder_ask")
    assert 'enctype="multipart/form-data"' in clerk.get(page).content.decode()
    clerk.post(page, FORM | {"subscription": row.number, "document": letter()})
    order = AuthorityOrder.objects.get()
    assert (order.subscription, order.document.subject) == (row, row.number)
    assert AuditRow.objects.filter(action="arrears.authority_order", object_id=str(row.pk)).exists()
    url = f"{reverse('admin:arrears_authorityorder_act', args=['approve-order'])}?ids={order.pk}"
    states = []
    for client in (clerk, *(client_of(name, *ASK, SEE) for name in ("first", "second"))):
        client.post(url, {"reason": "属实"})
        states.append((order.approvals.count(), build.state(row)))
    assert states == [(0, "ACTIVE"), (1, "ACTIVE"), (2, "TERMINATED")]
    ended = Termination.objects.get()
    assert (ended.reason, ended.document) == ("AUTHORITY", order.document)


@pytest.mark.usefixtures("folder")
def test_without_a_letter_or_from_elsewhere_nothing_is_written_down(row: Subscription) -> None:
    page = reverse("admin:arrears_authorityorder_ask")
    elsewhere = Region.objects.create(code="R2", name="城西", level=Region.Level.CITY)
    clerk, far = client_of("clerk", *ASK, SEE), client_of("far", *ASK, SEE, region=elsewhere)
    for client, given in ((clerk, {}), (clerk, {"document": letter(b"MZ")}), (far, {"document": letter()})):
        client.post(page, FORM | {"subscription": row.number} | given)
        assert not AuthorityOrder.objects.exists()
    looker = client_of("looker", SEE)
    assert looker.get(page).status_code == 403
