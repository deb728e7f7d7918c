"""A clerk chooses a number for the customer whom he serves: the customer's hold, with his code, as the clerk's act."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, User
from core.models import AuditRow
from operations.models import Channel, Slip, SlipState
from resources.models import NumberChange, NumberPeriod, NumberSearch
from resources.services import numbers
from tests.accounts.sms import code_to, text_to
from tests.conftest import NOON
from tests.operations.serving import clerks
from tests.operations.test_pages import hidden
from tests.resources import build

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon", "empty_vault")]
DIGITS = "17012345678"
PAGE = "/numbers/"


@pytest.fixture
def browser(clerk: User, account: BillingAccount, alice: User) -> Client:
    build.number(DIGITS)
    return clerks.browser(clerk, account, alice)


def press(browser: Client, digits: str = DIGITS) -> str:
    """Where the button leads."""
    return browser.post(reverse("resources:hold", args=[digits])).headers["Location"]


def test_it_is_the_customers_hold_and_the_clerks_act(browser: Client, clerk: User, alice: User) -> None:
    assert DIGITS in browser.get(PAGE).content.decode()
    assert NumberSearch.objects.get().channel == Channel.COUNTER
    address = press(browser)
    assert not NumberPeriod.objects.exists()
    form = browser.get(address)
    assert DIGITS in form.content.decode()
    path, raw = address.partition("?")[0], {"digits": DIGITS}
    quote = browser.post(path, hidden(form) | raw)
    sent = browser.post(path, hidden(quote) | raw | {"_step": "code"})
    given = {"_step": "submit", "_agreed": "yes", "_code": code_to(clerks.PHONE)}
    done = browser.post(path, hidden(sent) | raw | given)
    assert done.headers["Location"] == PAGE
    assert NumberPeriod.objects.get().holder == f"user:{alice.pk}"
    change = NumberChange.objects.get()
    assert (change.actor, change.channel) == (f"user:{clerk.pk}", Channel.COUNTER)
    slip = Slip.objects.get()
    assert (slip.state, slip.actor, slip.on_behalf_of) == (SlipState.DONE, clerk, alice)
    assert slip.channel == Channel.COUNTER
    assert slip.number in text_to(clerks.PHONE)
    paths = AuditRow.objects.filter(action="operations.serving.page").values_list("detail__path", flat=True)
    assert reverse("resources:hold", args=[DIGITS]) in set(paths)


def test_without_his_code_nothing_is_held(browser: Client) -> None:
    path, raw = press(browser).partition("?")[0], {"digits": DIGITS}
    quote = browser.post(path, hidden(browser.get(path)) | raw)
    answer = browser.post(path, hidden(quote) | raw | {"_step": "submit", "_agreed": "yes"})
    assert answer.status_code == 422
    assert not NumberPeriod.objects.exists()
    assert Slip.objects.get().refusal_code == "CODE_MISSING"


def test_he_sees_the_customers_holds_and_ends_none(browser: Client, alice: User) -> None:
    holder = f"user:{alice.pk}"
    numbers.hold(digits=DIGITS, holder=holder, actor=build.ACTOR, as_of=NOON)
    page = browser.get(PAGE)
    assert [own.period.number.digits for own in page.context["holds"]] == [DIGITS]
    for action in ("extend", "release"):
        address = reverse(f"resources:{action}", args=[DIGITS])
        assert address not in page.content.decode()
        assert browser.post(address).status_code == 403
    assert NumberPeriod.objects.get().ends_at == build.minutes(15)
    own = Client()
    own.force_login(alice)
    assert reverse("resources:release", args=[DIGITS]) in own.get(PAGE).content.decode()


def test_the_clerks_own_holds_are_not_the_customers(browser: Client, clerk: User) -> None:
    numbers.hold(digits=DIGITS, holder=f"user:{clerk.pk}", actor=build.ACTOR, as_of=NOON)
    assert browser.get(PAGE).context["holds"] == []


def test_who_has_no_login_chooses_none(clerk: User, browser: Client, here: object) -> None:
    _nobody, account = clerks.customer(here, login=False, phone="+8613800000007")  # type: ignore[arg-type]
    other = clerks.browser(clerk, account, None)
    assert DIGITS in other.get(PAGE).content.decode()
    assert other.get(press(other)).status_code == 403
    assert not NumberPeriod.objects.exists()
