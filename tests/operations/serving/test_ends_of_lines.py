"""At the counter a line ends by its customer's own code, too: no clerk ends it for him."""

import pytest

from accounts.models import BillingAccount, VerificationCode
from catalog.models import Subscription, Termination
from operations.context import Context
from operations.models import Channel, Slip
from operations.services.evidence import CodeMissing
from tests.catalog.holdings import build as holdings
from tests.catalog.orders import build as orders
from tests.operations.serving.acts import ask, submit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon", "empty_vault")]
CANCEL = "package.cancel"


@pytest.fixture
def line(account: BillingAccount) -> Subscription:
    return holdings.held(account, orders.offer("basic", 3000, cancel_effect="AT_ONCE"))


def test_without_his_code_nothing_ends(ctx: Context, line: Subscription) -> None:
    with pytest.raises(CodeMissing):
        submit(ctx, CANCEL, {"subscription": line.number})
    assert holdings.state(line) == "ACTIVE"
    assert not Termination.objects.exists()


def test_with_his_code_it_ends_and_the_slip_proves_it(ctx: Context, line: Subscription) -> None:
    raw = {"subscription": line.number}
    submit(ctx, CANCEL, raw, code=ask(ctx, CANCEL, raw))
    assert holdings.state(line) == "TERMINATED"
    slip = Slip.objects.get(operation=CANCEL, state="DONE")
    code = VerificationCode.objects.get()
    assert (slip.channel, slip.customer) == (Channel.COUNTER, line.account.customer)
    assert (slip.confirmation["kind"], slip.confirmation["code_id"]) == ("SMS_CODE", code.pk)
    assert code.used_at is not None
    assert (Termination.objects.get().reason, Termination.objects.get().slip) == ("CUSTOMER", slip)
