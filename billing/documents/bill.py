"""A bill on paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from billing.documents import paper, words
from billing.documents.paper import Due, Paper, Table
from billing.models import Bill
from billing.selectors import explanations
from billing.selectors.explanations import Arithmetic
from billing.texts import bill_title, channel_name, month_name
from core import clock, money


def bill_pdf(bill: Bill, *, language: str, as_of: datetime) -> bytes:
    """The bill as it stands at `as_of`: lines, what was taken off and paid, what is owed with penalty, how to pay.

    The same bill in the same state gives the same bytes all day long.
    """
    on = clock.local_date(as_of)
    penalty = explanations.penalty(bill, on=on)
    with translation.override(language):
        return paper.pdf(_Sheet(bill, penalty, on).paper(language, as_of))


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The parts of the paper, in the language that is active. `penalty`: as it stands on that day."""

    bill: Bill
    penalty: Arithmetic | None
    on: date

    def paper(self, language: str, as_of: datetime) -> Paper:
        return Paper(
            language=language,
            title=bill_title(self.bill),
            number=self.bill.number,
            issuer=str(settings.SITE_NAME),
            footer=words.footer(self.bill.number, as_of),
            pages=words.pages(),
            at=words.made_at(as_of),
            facts=list(self.facts()),
            due=self.due(),
            tables=list(self.tables()),
            sums=list(self.sums()),
            notes=list(self.notes()),
        )

    @property
    def penalty_cents(self) -> int:
        """Penalty on top of the bill itself; a PENALTY bill is the penalty."""
        return self.penalty.cents if self.penalty and not self.penalty.is_billed else 0

    @property
    def owed_cents(self) -> int:
        return int(self.bill.open_cents) + self.penalty_cents

    def facts(self) -> Iterator[tuple[str, str]]:
        bill = self.bill
        yield _("账单号"), bill.number
        yield _("户号"), bill.account.number
        yield _("户名"), bill.account.customer.name
        if bill.period:
            yield _("账期"), month_name(bill.period)
        yield _("出账日"), words.day(bill.issued_on)
        yield _("缴费截止日"), words.day(bill.due_on)
        if bill.account.address:
            yield _("地址"), bill.account.address

    def due(self) -> Due:
        if not self.owed_cents:
            return Due(_("还应缴"), money.display(0), (_("已缴清，谢谢。"),))
        due_on = {"date": words.day(self.bill.due_on)}
        is_late = self.bill.due_on < self.on
        notes = [_("%(date)s 已到期，请尽快缴费") % due_on if is_late else _("请在 %(date)s 前缴费") % due_on]
        if self.penalty_cents:
            known = {"amount": money.display(self.penalty_cents), "date": words.day(self.on)}
            notes.append(_("含违约金 %(amount)s，算到 %(date)s") % known)
        address = f"{settings.BASE_URL}{reverse('billing:pay')}?bill={self.bill.number}"
        return Due(_("还应缴"), money.display(self.owed_cents), tuple(notes), address, _("扫码，登录后缴费"))

    def tables(self) -> Iterator[Table]:
        lines = self.bill.lines.order_by("position")
        yield Table(
            _("收费明细"),
            (_("收费项目"), _("金额")),
            [(line.text, money.display(line.amount_cents)) for line in lines],
            (_("合计"), money.display(self.bill.total_cents)),
        )
        if adjustments := [*self.bill.adjustments.order_by("id")]:
            rows = [
                (each.number, words.day(clock.local_date(each.at)), money.display(-each.amount_cents))
                for each in adjustments
            ]
            yield Table(_("调账"), (_("调账单号"), _("日期"), _("金额")), rows)
        if paid := [*self.bill.allocations.select_related("receipt").order_by("id")]:
            parts = [
                (
                    part.receipt.number,
                    words.moment(part.receipt.paid_at),
                    channel_name(part.receipt.gateway),
                    money.display(part.amount_cents),
                )
                for part in paid
            ]
            yield Table(_("缴费记录"), (_("收据号"), _("付款时间"), _("支付方式"), _("金额")), parts)
        if arithmetic := self.arithmetic():
            yield arithmetic

    def arithmetic(self) -> Table | None:
        if self.penalty is None:
            return None
        rows = [
            (
                f"{words.day(period.first)} – {words.day(period.last)}",
                money.display(period.principal_cents),
                str(period.days),
                words.rate(period.rate_ppm),
            )
            for period in self.penalty.periods
        ]
        if self.penalty.less_cents:
            rows.append((_("已减免或已另出账单"), "", "", money.display(-self.penalty.less_cents)))
        foot = (_("违约金（欠费 × 天数 × 日费率，四舍五入到分）"), "", "", money.display(self.penalty.cents))
        return Table(_("违约金计算"), (_("时段"), _("欠费"), _("天数"), _("日费率")), rows, foot, amounts=3)

    def sums(self) -> Iterator[tuple[str, str, bool]]:
        bill = self.bill
        yield _("账单合计"), money.display(bill.total_cents), False
        if bill.adjusted_cents:
            yield _("调账减免"), money.display(-bill.adjusted_cents), False
        yield _("已缴"), money.display(-bill.paid_cents), False
        if self.penalty_cents:
            yield _("违约金"), money.display(self.penalty_cents), False
        yield _("还应缴"), money.display(self.owed_cents), True

    def notes(self) -> Iterator[str]:
        for each in self.bill.penalty_bills.order_by("id"):
            known = {"number": each.number, "amount": money.display(each.total_cents)}
            yield _("这张账单的违约金另出账单 %(number)s：%(amount)s。") % known
        if self.owed_cents:
            yield _("缴费：扫描二维码，或登录网上营业厅，在“缴费”里选择户号；也可以到营业厅缴费。")
        yield _("对账单有疑问，可以在网上营业厅的账单页提出异议，我们会按时答复。")
