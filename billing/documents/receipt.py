"""A receipt on paper: not a tax invoice, but the proof that the money came in and what it was used for."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from billing.documents import paper, words
from billing.documents.paper import Due, Paper, Table
from billing.models import Receipt
from billing.texts import bill_title, channel_name
from core import money


def receipt_pdf(receipt: Receipt, *, language: str, as_of: datetime) -> bytes:
    """The receipt as it stands at `as_of`: how much, when, by what, which bills it settled, what went back."""
    with translation.override(language):
        return paper.pdf(_paper(receipt, language, as_of))


def _paper(receipt: Receipt, language: str, as_of: datetime) -> Paper:
    return Paper(
        language=language,
        title=_("缴费收据"),
        number=receipt.number,
        issuer=str(settings.SITE_NAME),
        footer=words.footer(receipt.number, as_of),
        pages=words.pages(),
        at=words.made_at(as_of),
        facts=list(_facts(receipt)),
        due=Due(_("已收"), money.display(receipt.amount_cents)),
        tables=list(_tables(receipt)),
        notes=[_("本收据证明款项已收到，不是发票。")],
    )


def _facts(receipt: Receipt) -> Iterator[tuple[str, str]]:
    yield _("收据号"), receipt.number
    yield _("户号"), receipt.account.number
    yield _("户名"), receipt.account.customer.name
    yield _("付款时间"), words.moment(receipt.paid_at)
    yield _("支付方式"), channel_name(receipt.gateway)
    yield _("交易号"), receipt.trade_no


def _tables(receipt: Receipt) -> Iterator[Table]:
    rows = [
        (bill_title(part.bill), part.bill.number, money.display(part.amount_cents))
        for part in receipt.allocations.select_related("bill").order_by("id")
    ]
    if left := receipt.unallocated_cents:  # below zero: given back although it had settled a bill
        rows.append((_("存入账户余额") if left > 0 else _("待核对"), "", money.display(left)))
    for refund in receipt.refunds.order_by("id"):
        rows.append((_("已退款"), refund.request_no, money.display(refund.amount_cents)))
    foot = (_("合计"), "", money.display(receipt.amount_cents))
    yield Table(_("用于"), (_("用途"), _("编号"), _("金额")), rows, foot)
