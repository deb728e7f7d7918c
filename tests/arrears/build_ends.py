"""Orders of authorities, as rows."""

import itertools

from arrears.models import AuthorityApproval, AuthorityOrder
from catalog.models import Subscription
from core.models import Upload
from tests.arrears.build_cut import person
from tests.conftest import NOON

_count = itertools.count(1)


def document() -> Upload:
    n = next(_count)
    return Upload.objects.create(
        token=f"{n:040d}", kind="subscription.authority", owner_ref="user:1", uploaded_by="user:1", name="a.pdf",
        content_type="application/pdf", path=f"x{n}", size=1, digest="x", scanner="x", created_at=NOON,
    )  # fmt: skip


def ordered(row: Subscription, *, approvers: int = 2) -> AuthorityOrder:
    """An order for that line, approved by so many others."""
    order = AuthorityOrder.objects.create(
        subscription=row, authority="市公安局", reference="公函〔2026〕1 号", document=document(),
        reason="涉案", made_by=person(), created_at=NOON,
    )  # fmt: skip
    for _person in range(approvers):
        AuthorityApproval.objects.create(order=order, user=person(), reason="属实", at=NOON)
    return order
