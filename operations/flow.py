"""An operation as web pages: form → quote → confirmation → slip. A hand-made page calls `respond` with own templates.

Nothing is kept between the steps: the pages carry the data in hidden fields and every step validates them anew. The
idempotency key is made when the quote is shown, so that a double click, the back button or a reload finds the slip
that the first click made.

Posted besides the form's own fields: `_step` (quote, edit, code or submit), `_trace`, and with the quote `_digest`,
`_key`, `_agreed`, `_code`, and `_sent`: where a code went (only shown again, "-" when it may not be told).
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render, resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.datastructures import MultiValueDict

from core import clock
from core.errors import Forbidden, HallError, NotFound
from operations import attachments, inputs, registry, texts, traces
from operations.context import Context, client_address
from operations.models import Channel, Slip, SlipState
from operations.registry import Operation
from operations.services import slips
from operations.services.slips import Quoted
from operations.serving import present
from operations.traces import Trace

_OWN = (
    "csrfmiddlewaretoken",
    "_step",
    "_trace",
    "_digest",
    "_key",
    "_agreed",
    "_code",
    "_other_code",
    "_sent",
)


@dataclass(frozen=True, slots=True)
class Flow:
    """What a page of the flow shows. `quoted` is None on the form's page."""

    operation: Operation
    form: forms.Form
    trace: str
    quoted: Quoted | None = None
    error: HallError | None = None  # why the last step was refused
    key: str = ""  # a new idempotency key for each quote that is shown
    code_sent_to: str | None = None  # masked; "": sent, but it may not be told where; None: not sent just now

    @property
    def status(self) -> int:
        return self.error.status if self.error else 200

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """The form's data as names and values for hidden inputs."""
        posted = inputs.as_posted(self.form.data)
        names = [self.form.add_prefix(name) for name in self.form.fields]
        return [(name, value) for name in names for value in posted.getlist(name)]


def context_of(request: HttpRequest) -> Context:
    """Who asks, on the web, now; while staff serve a customer, they for him."""
    session = present.session_of(request)
    return Context(
        user=session.clerk if session else request.user,
        channel=Channel.COUNTER if session else Channel.WEB,
        as_of=clock.now(),
        address=client_address(request),
        on_behalf_of=session.served if session else None,
        serving=session.pk if session else None,
    )


def start(
    request: HttpRequest,
    operation: str,
    *,
    initial: Mapping[str, Any] | None = None,
    ctx: Context | None = None,
) -> Flow:
    """The empty form, filled in from `initial` and from the address's own query.

    Here and below `ctx` is given where it is not the web's own: staff who serve somebody.
    """
    ctx, known = ctx or context_of(request), registry.get(operation)
    slips.permit(known, ctx)
    filled = dict(initial or {}) | request.GET.dict()
    form = inputs.make_form(known, ctx, initial=filled)
    return Flow(known, form, Trace(ctx.as_of).signed())


def quote_from_request(request: HttpRequest, operation: str, *, ctx: Context | None = None) -> Flow:
    """The posted form with its quote; or with what is wrong in it."""
    return _quote(request, ctx or context_of(request), registry.get(operation))


def code_from_request(request: HttpRequest, operation: str) -> Flow:
    """The quote again, and a code on its way to whoever must confirm."""
    ctx, known = context_of(request), registry.get(operation)
    try:
        sent_to = slips.send_code(operation=operation, ctx=ctx, raw=_raw(request, known, ctx))
    except inputs.InvalidInput as invalid:
        return _form_again(request, ctx, known, invalid)
    except HallError as error:
        return _quote(request, ctx, known, error=error)
    return _quote(request, ctx, known, code_sent_to=sent_to)


def edit_from_request(request: HttpRequest, operation: str, *, ctx: Context | None = None) -> Flow:
    """Back to the form with what was filled in."""
    ctx, known = ctx or context_of(request), registry.get(operation)
    return Flow(known, inputs.make_form(known, ctx, _raw(request, known, ctx)), _trace(request, ctx).signed())


def next_page(slip: Slip) -> str:
    """Where the customer goes after submitting: where the operation says, else to the slip."""
    return slip.result.get("url") or resolve_url("operations:slip", slip.number)


def submit_from_request(
    request: HttpRequest,
    operation: str,
    *,
    ctx: Context | None = None,
    onward: Callable[[Slip], str] = next_page,
) -> HttpResponseRedirect | Flow:
    """Carried out: on to the result. Refused: the page to mend it on, with the reason."""
    ctx, known = ctx or context_of(request), registry.get(operation)
    try:
        slip = _submit(request, ctx, operation)
    except (Forbidden, NotFound):
        raise
    except inputs.InvalidInput as invalid:
        return _form_again(request, ctx, known, invalid)
    except slips.QuoteChanged as changed:
        return _show_quote(request, ctx, known, changed.quoted, error=changed)
    except HallError as error:
        return _quote(request, ctx, known, error=error)
    if slip.state == SlipState.DONE and slip.result.get("url"):  # the slip's own page says it itself
        messages.success(request, texts.in_reader_language(slip.result["text"]))
    return HttpResponseRedirect(onward(slip))


def respond(
    request: HttpRequest,
    *,
    operation: str,
    form_template: str = "operations/form.html",
    quote_template: str = "operations/quote.html",
    initial: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """One view for the whole flow. The templates get `flow` and whatever is in `extra`."""
    try:
        result = _step(request, operation, initial)
    except NotFound as error:
        raise Http404 from error
    except Forbidden as error:
        return render(request, "operations/refused.html", {"error": error}, status=error.status)
    if isinstance(result, HttpResponseRedirect):
        return result
    template = form_template if result.quoted is None else quote_template
    response = render(request, template, {"flow": result} | dict(extra or {}), status=result.status)
    add_never_cache_headers(response)  # what was filled in must not be found by the next one at this screen
    return response


def _step(
    request: HttpRequest, operation: str, initial: Mapping[str, Any] | None
) -> HttpResponseRedirect | Flow:
    if request.method != "POST":
        return start(request, operation, initial=initial)
    steps: dict[str, Callable[[HttpRequest, str], HttpResponseRedirect | Flow]] = {
        "submit": submit_from_request,
        "code": code_from_request,
        "edit": edit_from_request,
    }
    return steps.get(request.POST.get("_step", ""), quote_from_request)(request, operation)


def _submit(request: HttpRequest, ctx: Context, operation: str) -> Slip:
    known = registry.get(operation)
    post, trace = request.POST, _trace(request, ctx)
    return slips.submit(
        operation=operation,
        ctx=ctx,
        raw=_raw(request, known, ctx),
        quote_digest=post.get("_digest", ""),
        confirmation=_confirmation(post),
        idempotency_key=post.get("_key", ""),
        started_at=trace.started_at,
        quoted_at=trace.quoted_at,
    )


def _confirmation(post: QueryDict) -> dict[str, str]:
    given = {"agreed": post.get("_agreed", ""), "code": post.get("_code", "")}
    return given | ({"other_code": post.get("_other_code", "")} if "_other_code" in post else {})


def _raw(request: HttpRequest, known: Operation, ctx: Context) -> MultiValueDict[str, str]:
    """What was filled in; files that come with it are kept at once, and stand there by their tokens."""
    raw = MultiValueDict({name: values for name, values in request.POST.lists() if name not in _OWN})
    if request.FILES:
        slips.permit(known, ctx)
        for name, token in attachments.received(request, known, ctx).items():
            raw[name] = token
    return raw


def _trace(request: HttpRequest, ctx: Context) -> Trace:
    return traces.read(request.POST.get("_trace", ""), as_of=ctx.as_of)


def _quote(
    request: HttpRequest,
    ctx: Context,
    known: Operation,
    *,
    error: HallError | None = None,
    code_sent_to: str | None = None,
) -> Flow:
    """The quote's page, with the error of the last step if there was one; the form's page when there is no quote."""
    try:
        quoted = slips.quote(operation=known.code, ctx=ctx, raw=_raw(request, known, ctx))
    except (Forbidden, NotFound):
        raise
    except inputs.InvalidInput as invalid:
        return _form_again(request, ctx, known, invalid)
    except HallError as refusal:
        form = inputs.make_form(known, ctx, _raw(request, known, ctx))
        return Flow(known, form, _trace(request, ctx).signed(), error=error or refusal)
    return _show_quote(request, ctx, known, quoted, error=error, code_sent_to=code_sent_to)


def _show_quote(
    request: HttpRequest,
    ctx: Context,
    known: Operation,
    quoted: Quoted,
    *,
    error: HallError | None,
    code_sent_to: str | None = None,
) -> Flow:
    trace = _trace(request, ctx).quoted(ctx.as_of).signed()
    if code_sent_to is None and error is not None:
        code_sent_to = _sent_before(request)
    return Flow(known, quoted.form, trace, quoted, error, secrets.token_urlsafe(24), code_sent_to)


def _sent_before(request: HttpRequest) -> str | None:
    found = re.fullmatch(r"-|[0-9*]{1,15}", request.POST.get("_sent", ""))
    return found[0].strip("-") if found else None


def _form_again(request: HttpRequest, ctx: Context, known: Operation, invalid: inputs.InvalidInput) -> Flow:
    return Flow(known, invalid.form, _trace(request, ctx).signed(), error=invalid)
