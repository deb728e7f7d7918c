"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

THEMES = ("auto", "light", "dark")
TEXT_SIZES = ("normal", "large")


def site(request: HttpRequest) -> dict[str, Any]:
    """Site name, hotline, and how this visitor wants pages displayed (two cookies, never trusted)."""
    theme = request.COOKIES.get("theme", "auto")
    text = request.COOKIES.get("text", "normal")
    return {
        "site_name": settings.SITE_NAME,
        "help_line": settings.HELP_LINE,
        "base_url": settings.BASE_URL,
        "sandbox_url": settings.SANDBOX_URL,
        "display": {
            "theme": theme if theme in THEMES else "auto",
            "text": text if text in TEXT_SIZES else "normal",
        },
    }
