"""Bills by e-mail: the customer's page, and the two links of the mails.

Mail scanners and previews open links: a GET, whoever sends it, only shows a page with a button.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from billing.models import EmailSubscriptionState
from billing.selectors import email_subscriptions as reads
from billing.services.mails import email_subscriptions
from core import clock
from core.actor import Actor
from core.errors import NotFound
from notices import email_addresses


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Where each account's bills go, and the ways to change it."""
    return render(request, "billing/email_subscriptions.html", {"shown": reads.shown_to(request.user)})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """What the link of the first mail leads to. Only who asked for it may confirm; for others there is nothing."""
    user_id, as_of = request.user.pk or 0, clock.now()
    try:
        row = email_subscriptions.find(token=token, user_id=user_id)
        if request.method == "POST":
            email_subscriptions.confirm(
                token=token, user_id=user_id, actor=Actor.user(request.user), as_of=as_of
            )
            messages.success(request, _("邮箱已确认，以后的账单会寄到这里"))
            return redirect("billing:email_subscriptions")
    except NotFound as error:
        raise Http404 from error
    except email_subscriptions.LinkEnded as error:
        return render(request, "billing/email_link_ended.html", {"error": error}, status=error.status)
    context = {
        "row": row,
        "address": email_addresses.readable(row.address),
        "is_open": email_subscriptions.is_confirmable(row, as_of=as_of),
    }
    return render(request, "billing/email_confirm.html", context)


@csrf_exempt  # RFC 8058: the mail program posts by itself; the signed link is the right to do it
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """What every mail's last link leads to, and where mail programs post their one click. Needs no log-in."""
    try:
        row = email_subscriptions.find_by_link(token)
        if request.method == "POST":
            row = email_subscriptions.unsubscribe_by_link(token=token, as_of=clock.now())
    except NotFound as error:
        raise Http404 from error
    context = {
        "row": row,
        "account_tail": row.account.number[-4:],
        "address": email_addresses.mask(row.address),
        "has_ended": row.state == EmailSubscriptionState.ENDED,
    }
    return render(request, "billing/email_unsubscribe.html", context)
