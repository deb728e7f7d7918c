"""Chinese that people wrote says that it is Chinese wherever it stands on an English page (WCAG 3.1.2)."""

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe

from accounts.models import BillingAccount, Contact, User
from accounts.services import contacts, invitations, members, tokens
from billing.models import Bill, Receipt
from core import clock
from core.templatetags.spoken import spoken
from tests.architecture.messages import CHINESE
from tests.billing import build
from tests.conftest import NOON

WITHOUT_END = {"meta", "link", "img", "input", "br", "hr", "use", "path", "circle", "source", "wbr"}
WITHOUT_PARTS = {"script", "style", "option"}  # a mixed text cannot be marked in them


class Unmarked(HTMLParser):
    """Texts with Chinese whose nearest language is another."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._languages: list[tuple[str, str]] = [("", "")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in WITHOUT_END:
            self._languages.append((tag, dict(attrs).get("lang") or self._languages[-1][1]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in WITHOUT_END:
            while self._languages.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        tag, language = self._languages[-1]
        if CHINESE.search(data) and not language.startswith("zh") and tag not in WITHOUT_PARTS:
            self.found.append(data.strip())


def unmarked(page: str) -> list[str]:
    reader = Unmarked()
    reader.feed(page)
    return reader.found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("王小明", '<span lang="zh-Hans">王小明</span>'),
        ("王小明 (me)", '<span lang="zh-Hans">王小明</span> (me)'),
        ("**海", '**<span lang="zh-Hans">海</span>'),
        ("和平路 2 号 3 单元 101 室", '<span lang="zh-Hans">和平路 2 号 3 单元 101 室</span>'),
        ("王 and 李", '<span lang="zh-Hans">王</span> and <span lang="zh-Hans">李</span>'),
        ("<b>王</b>", '&lt;b&gt;<span lang="zh-Hans">王</span>&lt;/b&gt;'),
        ("王&李", '<span lang="zh-Hans">王</span>&amp;<span lang="zh-Hans">李</span>'),
        ("Wang", "Wang"),
        (8100000001, 8100000001),
        (None, None),
        ("", ""),
    ],
)
def test_chinese_is_marked_on_an_english_page_alone(text: object, said: object) -> None:
    with translation.override("en"):
        assert spoken(text) == said
    with translation.override("zh-hans"):
        assert spoken(text) is text


def test_what_is_html_is_left_as_it_is() -> None:
    made: SafeString = mark_safe('<a title="王">王</a>')
    with translation.override("en"):
        assert spoken(made) is made
        assert isinstance(spoken("王"), SafeString)


def test_the_reader_finds_what_is_not_marked() -> None:
    assert unmarked('<html lang="en"><p>王<br><span lang="zh-Hans">李</span></p>') == ["王"]


@pytest.fixture
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def owner() -> User:
    return build.user()


@pytest.fixture
def account(owner: User) -> BillingAccount:
    """With people, words and money of which all pages show something."""
    found = build.account(owner)
    BillingAccount.objects.filter(pk=found.pk).update(
        address="海晏市和平路 7 号", post_address="海晏市和平路 9 号"
    )
    User.objects.filter(pk=owner.pk).update(name="王小明")
    friend = build.user()
    User.objects.filter(pk=friend.pk).update(name="李大海")
    members.bind(user_id=friend.pk, account_id=found.pk, role="PAYER", actor=build.ACTOR, as_of=NOON)
    contacts.add(
        account_id=found.pk, kind=Contact.Kind.PHONE, value="+8613900000008", name="张三", as_of=NOON
    )
    other = build.account(friend)
    User.objects.filter(pk=owner.pk).update(phone="+8613900000009", phone_verified_at=NOON)
    invitations.invite(
        account_id=other.pk,
        phone="+8613900000009",
        role="PAYER",
        invited_by=friend,
        actor=build.ACTOR,
        as_of=NOON,
    )
    tokens.make(user_id=owner.pk, name="记账", scopes=["read"], days=30, as_of=NOON)
    build.bill(found)
    paid = build.payment(found, 1000)
    build.apply(paid, build.report(paid))
    return found


@pytest.mark.django_db
@pytest.mark.usefixtures("noon", "alipay_keys")
def test_every_page_says_which_of_its_words_are_chinese(owner: User, account: BillingAccount) -> None:
    reader = Client(headers={"Accept-Language": "en"})
    reader.force_login(owner)
    bill, receipt = Bill.objects.get(account=account), Receipt.objects.get()
    pages = [
        *("/", "/bills/", "/pay/", "/balance/", "/receipts/", "/requests/", "/operations/", "/refunds/"),
        *("/me/", "/me/accounts/", "/me/security/", "/me/consents/", "/me/data/", "/me/tokens/"),
        f"/me/accounts/{account.number}/",
        f"/bills/{bill.number}/",
        f"/receipts/{receipt.number}/",
        *("/operations/member.invite/", "/operations/member.remove/", "/operations/contact.change/"),
        *("/operations/account.bind/", "/operations/address.change/", "/operations/bill.dispute/"),
    ]
    found = {}
    for page in pages:
        answer = reader.get(page)
        assert answer.status_code == 200, page
        found[page] = unmarked(answer.content.decode())
    assert {page: texts for page, texts in found.items() if texts} == {}
