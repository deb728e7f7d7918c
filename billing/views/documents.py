"""What explains a bill: on its page, and on paper."""

import io
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest
from django.utils import translation
from django.views.decorators.http import require_safe

from billing import documents
from billing.models import Bill
from billing.selectors import bills, disputes, explanations
from billing.selectors import payments as payment_reads
from core import clock
from core.errors import NotFound


@login_required
@require_safe
def bill_pdf(request: HttpRequest, number: str) -> FileResponse:
    """The bill as PDF, in the reader's language."""
    try:
        found = bills.get(request.user, number)
    except NotFound as error:
        raise Http404 from error
    content = documents.bill_pdf(found, language=translation.get_language(), as_of=clock.now())
    return _file(content, found.number)


@login_required
@require_safe
def receipt_pdf(request: HttpRequest, number: str) -> FileResponse:
    """The receipt as PDF, in the reader's language."""
    try:
        found = payment_reads.receipt(request.user, number)
    except NotFound as error:
        raise Http404 from error
    content = documents.receipt_pdf(found, language=translation.get_language(), as_of=clock.now())
    return _file(content, found.number)


def about(bill: Bill, user: Any) -> dict[str, Any]:
    """What the bill's page says beyond the bill itself."""
    penalty = explanations.penalty(bill, on=clock.local_date(clock.now()))
    grows = penalty is not None and not penalty.is_billed
    return {
        "why": explanations.comparison(bill),
        "penalty": penalty,
        "owed_cents": bill.open_cents + (penalty.cents if penalty and grows else 0),
        "large": explanations.large(bill),
        "disputes": disputes.of_bill(bill),
        "withdrawable": {found.number for found in disputes.withdrawable(user) if found.bill_id == bill.pk},
    }


def _file(content: bytes, name: str) -> FileResponse:
    return FileResponse(io.BytesIO(content), content_type="application/pdf", filename=f"{name}.pdf")
