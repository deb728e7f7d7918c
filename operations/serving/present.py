"""Which serving session a request belongs to: what the middleware has found, for those who come after it."""

from django.http import HttpRequest

from operations.serving.models import ServingSession

SESSION_KEY = "serving"  # in the clerk's own session: the id of the one with the customer


def session_of(request: HttpRequest) -> ServingSession | None:
    """The open session, on the pages that are shown as the customer's; there `request.user` is the customer."""
    found: ServingSession | None = getattr(request, "serving", None)
    return found


def put(request: HttpRequest, session: ServingSession) -> None:
    """This page is the customer's: views, templates and their queries see him."""
    request.serving = session  # type: ignore[attr-defined]  # ours
    request.user = session.served
