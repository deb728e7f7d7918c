"""Numbers as customers find and hold them. Every address works without a script."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from core import clock
from core.actor import Actor
from core.errors import HallError, NotFound
from operations import flow, texts
from operations.services import slips
from operations.serving import present
from resources.forms import FindForm
from resources.models import NumberPeriod
from resources.operations import HOLD, holder
from resources.selectors import numbers as reads
from resources.selectors.numbers import Wish
from resources.services import numbers as services
from resources.services import searches

MOST_SHOWN = 40
_ASKED = "query"  # of the search from which somebody comes: he goes back there


@dataclass(frozen=True)
class Own:
    """A hold as its holder sees it."""

    period: NumberPeriod
    seconds_left: int
    may_extend: bool


@require_safe
@never_cache
def numbers(request: HttpRequest) -> HttpResponse:
    """The free numbers that fit, the cheapest first; and what the reader holds himself."""
    now = clock.now()
    form = FindForm(request.GET or None)
    wish = form.wish() if form.is_bound and form.is_valid() else Wish()
    is_asked = not form.is_bound or form.is_valid()
    found = list(reads.find(wish, as_of=now)[: MOST_SHOWN + 1]) if is_asked else []
    if is_asked:
        searches.note(wish, channel=flow.context_of(request).channel, is_found=bool(found), as_of=now)
    context = {
        "form": form,
        "found": found[:MOST_SHOWN],
        "has_more": len(found) > MOST_SHOWN,
        "holds": _own(request, now),
        "query": request.GET.urlencode(),
        "minutes": settings.NUMBER_HOLD_MINUTES,
        "most": settings.NUMBER_HOLDS_PER_HOLDER,
    }
    return render(request, "resources/numbers.html", context)


@login_required
@require_POST
def hold(request: HttpRequest, digits: str) -> HttpResponse:
    """The operation number.hold with one press of a button: the page has told its quote.

    Staff who serve a customer go through its form: nothing is done for him without his code.
    """
    if present.session_of(request) is not None:
        return redirect(f"{reverse('operations:form', args=[HOLD])}?{urlencode({'digits': digits})}")

    def carry_out(who: dict[str, Any]) -> str:
        ctx, raw = flow.context_of(request), {"digits": digits}
        quoted = slips.quote(operation=HOLD, ctx=ctx, raw=raw)
        slip = slips.submit(
            operation=HOLD,
            ctx=ctx,
            raw=raw,
            quote_digest=quoted.digest,
            confirmation={"agreed": "yes"},
            idempotency_key=secrets.token_hex(16),
        )
        return texts.in_reader_language(slip.result["text"])

    return _answer(request, carry_out)


@login_required
@require_POST
def extend(request: HttpRequest, digits: str) -> HttpResponse:
    def carry_out(who: dict[str, Any]) -> str:
        period = services.extend(digits=digits, **who)
        return _("预占已延长到 %(until)s") % {"until": _clock(period)}

    return _answer(request, carry_out)


@login_required
@require_POST
def release(request: HttpRequest, digits: str) -> HttpResponse:
    def carry_out(who: dict[str, Any]) -> str:
        services.release(digits=digits, **who)
        return _("已放弃 %(digits)s") % {"digits": digits}

    return _answer(request, carry_out)


def _answer(request: HttpRequest, carry_out: Any) -> HttpResponse:
    """One service call, its outcome as a message, and back to where the customer was looking."""
    who = {"holder": holder(request.user), "actor": Actor.user(request.user), "as_of": clock.now()}
    try:
        messages.success(request, carry_out(who))
    except NotFound as error:
        raise Http404 from error
    except HallError as error:
        messages.warning(request, error.text)
    query = request.POST.get(_ASKED, "")[:500]
    asked = QueryDict(query).urlencode() if query.isprintable() else ""  # a header takes no other signs
    return redirect(reverse("resources:numbers") + (f"?{asked}" if asked else ""))


def _own(request: HttpRequest, as_of: datetime) -> list[Own]:
    if not request.user.is_authenticated:
        return []
    rows = reads.holds_of(holder(request.user), as_of=as_of)
    return [Own(row, reads.seconds_left(row, as_of=as_of), reads.may_extend(row)) for row in rows]


def _clock(period: NumberPeriod) -> str:
    return f"{(period.ends_at or period.begins_at).astimezone(clock.SHANGHAI):%H:%M}"
