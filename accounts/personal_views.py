"""What concerns the user alone: where he is logged in, what he agreed to, what is held on him."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import phones
from accounts.models import User
from accounts.selectors import personal as reads
from accounts.services import closings, data_exports, devices
from core import clock
from core.errors import NotFound


@login_required
@require_safe
@never_cache
def security(request: HttpRequest) -> HttpResponse:
    """Phone, password, second step, tokens, and the browsers that are logged in."""
    user = cast(User, request.user)
    context = {
        "masked_phone": phones.mask(user.phone or ""),
        "has_password": user.has_usable_password(),
        "has_second_step": reads.has_second_step(user),
        "devices": reads.devices_of(user, current_key=request.session.session_key or ""),
    }
    return render(request, "accounts/security.html", context)


@login_required
@require_POST
def end_device(request: HttpRequest, reference: str) -> HttpResponse:
    """Logs one other browser out."""
    try:
        devices.end_one(
            user_id=request.user.pk or 0, wanted=reference, current_key=request.session.session_key or ""
        )
    except NotFound as error:
        raise Http404 from error
    messages.success(request, gettext("这台设备已退出登录"))
    return HttpResponseRedirect(reverse("accounts:security"))


@login_required
@require_POST
def end_other_devices(request: HttpRequest) -> HttpResponse:
    """Logs all other browsers out, and ends the tokens."""
    count = devices.end_others(user_id=request.user.pk or 0, current_key=request.session.session_key or "")
    text = ngettext(
        "已让其他 %(count)s 台设备退出登录，令牌也已失效",
        "已让其他 %(count)s 台设备退出登录，令牌也已失效",
        count,
    )
    messages.success(request, text % {"count": count})
    return HttpResponseRedirect(reverse("accounts:security"))


@login_required
@require_safe
def consents(request: HttpRequest) -> HttpResponse:
    """Each purpose with the user's choice, the history, and what he told under a consent."""
    user = cast(User, request.user)
    return render(request, "accounts/consents.html", {"shown": reads.consents_of(user)})


@login_required
@require_safe
@never_cache
def data(request: HttpRequest) -> HttpResponse:
    """The copies of his data, and the way out."""
    user = cast(User, request.user)
    context = {
        "exports": reads.exports_of(user, as_of=clock.now()),
        "days": data_exports.KEPT_FOR.days,
        "cooling_off": closings.COOLING_OFF.days,
    }
    return render(request, "accounts/data.html", context)


@login_required
@require_safe
@never_cache
def download(request: HttpRequest, reference: str) -> HttpResponse:
    """A copy as a file; 404 for anybody else's and for one that is not there."""
    try:
        content = data_exports.read(user_id=request.user.pk or 0, reference=reference, as_of=clock.now())
    except NotFound as error:
        raise Http404 from error
    name = f"personal-data-{reference[:8]}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type="application/json; charset=utf-8", headers=headers)
