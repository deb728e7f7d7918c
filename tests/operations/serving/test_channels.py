"""Serving by page, by interface and on the staff's own page of a slip: one and the same."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import BillingAccount, User
from billing.models import Bill
from core.errors import HallError
from operations.context import Context
from operations.models import Channel, Slip
from operations.services import slips
from tests.accounts.sms import code_to
from tests.conftest import NOON
from tests.operations.serving import clerks
from tests.operations.serving.acts import ask, raw_of, submit
from tests.operations.test_pages import hidden

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon", "empty_vault")]
DISPUTE = "/operations/bill.dispute/"


def test_by_page_from_the_form_to_the_slip(
    clerk: User, account: BillingAccount, alice: User, bill: Bill
) -> None:
    browser = clerks.browser(clerk, account, alice)
    quote = browser.post(DISPUTE, hidden(browser.get(DISPUTE)) | raw_of(bill))
    assert "客户手机收到的验证码" in quote.content.decode()
    assert "工作人员不会向您索要验证码" not in quote.content.decode()
    no_code = browser.post(DISPUTE, hidden(quote) | raw_of(bill) | {"_step": "submit", "_agreed": "yes"})
    assert no_code.status_code == 422
    sent = browser.post(DISPUTE, hidden(quote) | raw_of(bill) | {"_step": "code"})
    assert "验证码已发送到 138****0001" in sent.content.decode()
    done = browser.post(
        DISPUTE,
        hidden(sent) | raw_of(bill) | {"_step": "submit", "_agreed": "yes", "_code": code_to(clerks.PHONE)},
    )
    slip = Slip.objects.latest("pk")
    assert done.headers["Location"] == f"/requests/{slip.number}/" or done.status_code == 302
    page = browser.get(f"/requests/{slip.number}/").content.decode()
    assert "工号 1024（李营业）代办" in page
    assert "王小明" in page
    own = Client()
    own.force_login(alice)
    main = re.compile(r"<main.*?</main>", re.DOTALL)
    assert main.findall(own.get(f"/requests/{slip.number}/").content.decode()) == main.findall(
        browser.get(f"/requests/{slip.number}/").content.decode()
    )


def test_the_staffs_page_of_the_slip_names_both(clerk: User, ctx: Context, bill: Bill, alice: User) -> None:
    slip = submit(ctx, "bill.dispute", raw_of(bill), code=ask(ctx, "bill.dispute", raw_of(bill)))
    page = clerks.log_in(clerk).get(f"/admin/operations/slip/{slip.pk}/change/").content.decode()
    assert "李营业" in page
    assert "王小明" in page


def test_by_the_interface_it_is_the_same(
    clerk: User, account: BillingAccount, alice: User, bill: Bill
) -> None:
    """The clerk's browser may ask the interface too: for the customer, and with his code."""
    browser = clerks.browser(clerk, account, alice)
    address = "/api/operations/bill.dispute/"

    def post(step: str, data: dict[str, Any], **headers: str) -> Any:
        return browser.post(f"{address}{step}/", data, content_type="application/json", headers=headers)

    quoted = post("quote", {"data": raw_of(bill)}).json()
    assert quoted["confirmation"] == "SMS_CODE"
    given = {"data": raw_of(bill), "quote_digest": quoted["quote_digest"], "confirmation": {"agreed": "yes"}}
    refused = post("submit", given, **{"Idempotency-Key": "a-key-0001"})
    assert refused.json()["code"] == "CODE_MISSING"
    assert post("code", {"data": raw_of(bill)}).json() == {"sent_to": "138****0001"}
    given["confirmation"] = {"agreed": "yes", "code": code_to(clerks.PHONE)}
    assert post("submit", given, **{"Idempotency-Key": "a-key-0002"}).status_code == 201
    slip = Slip.objects.latest("pk")
    assert (slip.actor, slip.on_behalf_of, slip.channel) == (clerk, alice, Channel.COUNTER)
    assert post("quote", {"data": {}}).status_code == 422


def test_a_clerks_token_serves_nobody(clerk: User, account: BillingAccount, alice: User, bill: Bill) -> None:
    """A token knows no serving: it is the clerk's own, and sees nothing of the customer's."""
    clerks.serve(clerk, account, alice)
    own = Context(user=clerk, channel=Channel.API, as_of=NOON)
    with pytest.raises(HallError, match="INVALID_INPUT"):
        slips.quote(operation="bill.dispute", ctx=own, raw=raw_of(bill))
