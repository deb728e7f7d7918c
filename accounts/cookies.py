"""What a browser keeps for a user who logged in there: his language, and that he was here before."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from accounts.services import devices

A_YEAR = 365 * 86_400  # seconds


def keep_language(request: HttpRequest, response: HttpResponse, language: str) -> None:
    _keep(request, response, settings.LANGUAGE_COOKIE_NAME, language)


def keep_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    _keep(request, response, devices.COOKIE, devices.mark(user))


def _keep(request: HttpRequest, response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure()
    )
