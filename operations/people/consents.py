"""consent.change and profile.change: what the customer lets us do with his data, and what he tells under it."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.consent_texts import TEXTS
from accounts.models import Education, Interest, Occupation, ProfileDetails, Purpose, User
from accounts.services import consents
from core.clock import local_date
from operations.context import Context
from operations.forms import OperationForm
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import Operation, register

YES, NO = "yes", "no"
_CHOICES = ((YES, _("同意")), (NO, _("不同意")))


class _OfUser(Operation):
    """About the customer himself, whatever his accounts."""

    icon = "shield"
    needs_login = True

    def available(self, ctx: Context) -> bool:
        return isinstance(ctx.served, User)

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.user(ctx.served.pk or 0)


class ConsentForm(OperationForm):
    purpose = forms.ChoiceField(label=_("用途"), choices=Purpose.choices, widget=forms.RadioSelect)
    answer = forms.ChoiceField(label=_("您的选择"), choices=_CHOICES, widget=forms.RadioSelect)


@register
class ChangeConsent(_OfUser):
    code = "consent.change"
    title = _("授权")
    summary = _("同意或撤回对个人信息的使用")
    order = 80
    form_class = ConsentForm

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        user_id, purpose, is_given = ctx.served.pk or 0, data["purpose"], data["answer"] == YES
        if consents.is_in_force(user_id, purpose) == is_given:
            raise consents.ConsentUnchanged()
        known = TEXTS[purpose]
        warnings: tuple[Any, ...] = ()
        if purpose == Purpose.PROFILE and not is_given and ProfileDetails.objects.filter(user_id=user_id):
            warnings = (_("您填写的职业、学历和兴趣将立即删除，不能恢复。"),)
        return Quote(
            price_cents=0,
            effective_on=local_date(ctx.as_of),
            lines=(
                QuoteLine(Purpose(purpose).label, value=dict(_CHOICES)[data["answer"]]),
                QuoteLine(_("文本版本"), value=known.version),
            ),
            warnings=warnings,
            outcome=known.text if is_given else known.without,
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        how = consents.How(actor=ctx.actor, channel=ctx.channel, slip_number=ctx.slip_number)
        consents.change(
            user_id=ctx.served.pk or 0,
            purpose=data["purpose"],
            is_given=data["answer"] == YES,
            how=how,
            as_of=ctx.as_of,
        )
        return Done(text=_("您的选择已记录，马上生效"), url=reverse("accounts:consents"))


class DetailsForm(OperationForm):
    occupation = forms.ChoiceField(
        label=_("职业"), required=False, choices=[("", _("不填")), *Occupation.choices]
    )
    education = forms.ChoiceField(
        label=_("学历"), required=False, choices=[("", _("不填")), *Education.choices]
    )
    interests = forms.MultipleChoiceField(
        label=_("兴趣"), required=False, choices=Interest.choices, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = ProfileDetails.objects.filter(user_id=self.ctx.served.pk or 0).first()
        if held:
            for name in ("occupation", "education", "interests"):
                self.fields[name].initial = getattr(held, name)


@register
class ChangeDetails(_OfUser):
    """Held only with the consent to the profile; the slip says that something changed and not what."""

    code = "profile.change"
    title = _("补充资料")
    summary = _("职业、学历和兴趣，自愿填写")
    order = 81
    form_class = DetailsForm
    secret_fields = ("occupation", "education", "interests")

    def available(self, ctx: Context) -> bool:
        return super().available(ctx) and consents.is_in_force(ctx.served.pk or 0, Purpose.PROFILE)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        told = sum(1 for name in self.secret_fields if data[name])
        return Quote(
            price_cents=0,
            effective_on=local_date(ctx.as_of),
            lines=(QuoteLine(_("填写的项目"), value=format_lazy(_("{told} 项"), told=told)),),
            outcome=TEXTS[Purpose.PROFILE].text,
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        consents.set_details(
            user_id=ctx.served.pk or 0,
            occupation=data["occupation"],
            education=data["education"],
            interests=data["interests"],
            as_of=ctx.as_of,
        )
        return Done(text=_("已保存"), url=reverse("accounts:consents"))
