"""My tokens: made after proving oneself anew, shown once, ended with one button."""

from collections.abc import Collection
from typing import Any, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import fresh_login
from accounts.models import ApiToken, User
from accounts.selectors import tokens as reads
from accounts.services import tokens
from core import clock
from core.errors import HallError
from operations import registry
from operations.api import scopes
from operations.context import Context
from operations.models import Channel


class TokenForm(forms.Form):
    name = forms.CharField(label=_("名称"), max_length=40, help_text=_("给自己看的，例如「记账程序」"))
    days = forms.TypedChoiceField(label=_("有效期"), coerce=int, initial=30)
    scopes = forms.MultipleChoiceField(
        label=_("可以做什么"), widget=forms.CheckboxSelectMultiple, help_text=_("只选用得到的")
    )

    def __init__(self, *args: Any, offered: Collection[str], **kwargs: Any) -> None:
        """`offered`: the scopes that may be chosen."""
        super().__init__(*args, **kwargs)
        days, allowed = self.fields["days"], self.fields["scopes"]
        assert isinstance(days, forms.ChoiceField)
        assert isinstance(allowed, forms.ChoiceField)
        days.choices = [(n, ngettext("%(n)s 天", "%(n)s 天", n) % {"n": n}) for n in settings.API_TOKEN_DAYS]
        allowed.choices = [(scope, describe(scope)) for scope in offered]


def describe(scope: str) -> str:
    """A scope as its owner reads it."""
    if scope == scopes.READ:
        return gettext("查看户号、账单、收据、支付、通知和受理单")
    if scope == scopes.PAY:
        return gettext("缴费和充值")
    operation = registry.find(scope.removeprefix(scopes.OPERATE))
    return gettext("办理：%(title)s") % {"title": operation.title if operation else scope}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """The tokens that work, and the form for a new one."""
    offered = _offered(request)
    form = TokenForm(request.POST if request.method == "POST" else None, offered=offered)
    if request.method != "POST":
        return _page(request, form)
    raise_if_reauthentication_required(request, app="account")
    if not fresh_login.is_proven(request):
        return fresh_login.log_in_again(request, gettext("为了安全，请重新登录后再新建令牌。"))
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        made = tokens.make(user_id=cast(User, request.user).pk, as_of=clock.now(), **form.cleaned_data)
    except HallError as error:
        form.add_error(None, error.text)
        return _page(request, form, status=error.status)
    return _page(request, TokenForm(offered=offered), made=made)


@login_required
@require_POST
def end(request: HttpRequest, token_key: str) -> HttpResponse:
    tokens.end(user_id=cast(User, request.user).pk, token_key=token_key)
    messages.success(request, gettext("令牌已停用。"))
    return redirect("api_tokens:overview")


def _page(request: HttpRequest, form: forms.Form, *, made: Any = None, status: int = 200) -> HttpResponse:
    now = clock.now()
    rows = [_shown(row) for row in reads.of_user(request.user, as_of=now)]
    old = reads.without_scopes(request.user, as_of=now)
    context = {"form": form, "tokens": rows, "old": old, "made": made}
    return render(request, "operations/api_tokens.html", context, status=status)


def _offered(request: HttpRequest) -> list[str]:
    """What this customer could have done at all: a token for more would be good for nothing."""
    ctx = Context(user=request.user, channel=Channel.API, as_of=clock.now())
    his = {scopes.operation_scope(operation) for operation in registry.available(ctx)}
    return [scope for scope in scopes.everything() if scope == scopes.READ or scope in his]


def _shown(row: ApiToken) -> dict[str, Any]:
    return {"row": row, "allowed": [describe(scope) for scope in row.scopes]}
