"""How refunds read in a list."""

from django import template
from django.utils.translation import gettext as _

from billing.models import RefundRequest, RefundState

register = template.Library()
_WAITING = (RefundState.REQUESTED, RefundState.APPROVED, RefundState.ACCEPTED, RefundState.ABNORMAL)


@register.filter
def refund_badge(refund: RefundRequest) -> str:
    """The kind of badge: ok, wait, warn or muted."""
    if refund.state in _WAITING:
        return "wait"
    return {RefundState.SUCCEEDED: "ok", RefundState.CANCELLED: "muted"}.get(
        RefundState(refund.state), "warn"
    )


@register.filter
def refund_state(refund: RefundRequest) -> str:
    """The word on the badge; what happens between the approval and the end is one to the customer."""
    if refund.state in _WAITING[1:]:
        return _("退款中")
    return str(RefundState(refund.state).label)
