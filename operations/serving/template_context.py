"""What the pages say about who is being served."""

from typing import Any

from django.http import HttpRequest

from accounts import names
from operations.serving import present


def serving(request: HttpRequest) -> dict[str, Any]:
    """`serving`: for the banner; None where nobody is served."""
    session = present.session_of(request)
    if session is None:
        return {"serving": None}
    name = session.served.name or session.account.customer.name
    return {
        "serving": {
            "name": names.masked(name),
            "account": session.account.number,
            "clerk": session.clerk.get_username(),
        }
    }
