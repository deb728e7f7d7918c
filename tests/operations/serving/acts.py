"""What a clerk does for the customer whom he serves."""

from datetime import datetime

from billing.models import Bill
from operations.context import Context
from operations.models import Channel, Slip
from operations.services import slips
from operations.serving.models import ServingSession
from tests.accounts.sms import code_to
from tests.conftest import NOON
from tests.operations.serving import clerks


def context(session: ServingSession, *, as_of: datetime = NOON) -> Context:
    return Context(
        user=session.clerk,
        channel=Channel.COUNTER,
        as_of=as_of,
        address="192.0.2.7",
        on_behalf_of=session.served,
        serving=session.pk,
    )


def raw_of(bill: Bill, text: str = "多收了两个月") -> dict[str, str]:
    return {"bill": bill.number, "cause": "AMOUNT", "text": text}


def submit(
    ctx: Context, operation: str, raw: dict[str, str], *, key: str = "a-key-of-this-test-01", **given: str
) -> Slip:
    return slips.submit(
        operation=operation,
        ctx=ctx,
        raw=raw,
        quote_digest=slips.quote(operation=operation, ctx=ctx, raw=raw).digest,
        confirmation={"agreed": "yes"} | given,
        idempotency_key=key,
    )


def ask(ctx: Context, operation: str, raw: dict[str, str], *, phone: str = clerks.PHONE) -> str:
    """The code that went to the customer."""
    slips.send_code(operation=operation, ctx=ctx, raw=raw)
    return code_to(phone)
