"""Operations of these tests alone. Their effect is a row in the table of working days, easily seen and undone."""

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from core.clock import local_date
from core.errors import Conflict
from core.models import CalendarDay
from operations.context import Confirmation, Context
from operations.forms import OperationForm
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation

EFFECT = date(2030, 1, 1)


class SoldOut(Conflict):
    code = "SOLD_OUT"
    message = _("只剩 %(left)s 件，不够了")


class ToyForm(OperationForm):
    account = forms.ModelChoiceField(
        BillingAccount.objects.none(), label="户号", to_field_name="number", required=False
    )
    pieces = forms.IntegerField(label="件数", min_value=1, max_value=9)
    colour = forms.ChoiceField(label="颜色", choices=[("red", "红"), ("blue", "蓝")], initial="red")
    extras = forms.MultipleChoiceField(
        label="附加", choices=[("bow", "蝴蝶结"), ("card", "贺卡")], required=False
    )
    wrapped = forms.BooleanField(label="包装", required=False)
    password = forms.CharField(label="口令", required=False, max_length=20)

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        super().__init__(*args, ctx=ctx, **kwargs)
        field = self.fields["account"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = BillingAccount.objects.for_user(ctx.served).order_by("number")


class Toy(Operation):
    code = "toy.buy"
    title = _("我的办理")  # a title that has a translation
    summary = "买一件玩具"
    form_class = ToyForm
    order = 1
    secret_fields = ("password",)
    piece_cents: ClassVar[int] = 500
    left: ClassVar[int] = 9
    closed: ClassVar[bool] = False
    broken_in: ClassVar[str] = ""

    def available(self, ctx: Context) -> bool:
        return not self.closed

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        found: BillingAccount | None = data["account"]
        return found

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        if self.broken_in == "quote":
            raise RuntimeError("a secret of the inside")
        if self.left == 0:
            raise SoldOut(left=0)
        price = data["pieces"] * self.piece_cents
        return Quote(
            price_cents=price,
            effective_on=local_date(ctx.as_of),
            lines=(QuoteLine(_("件数"), None, str(data["pieces"])), QuoteLine(_("小计"), price)),
            warnings=(_("售出不退"),) if data["wrapped"] else (),
            outcome=_("明天送到"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        CalendarDay.objects.create(day=EFFECT, is_working=True)
        if self.broken_in == "perform":
            raise RuntimeError("a secret of the inside")
        if data["pieces"] > self.left:
            raise SoldOut(left=self.left)
        return Done(_("已买好"), url="", data={"pieces": data["pieces"]})


class SealedToy(Toy):
    """Needs a code, and takes a while."""

    code = "toy.seal"
    title = _("定制玩具")
    order = 2
    confirmation = Confirmation.SMS_CODE
    address = "+8613900000042"

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        return self.address

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        super().perform(ctx, data, quote)
        return Pending("toy", "T1", _("正在制作"), url="")


def undo() -> None:
    """As if nothing had been bought yet."""
    CalendarDay.objects.all().delete()


def effect_happened() -> bool:
    return CalendarDay.objects.filter(day=EFFECT).exists()
