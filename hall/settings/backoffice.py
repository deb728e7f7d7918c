"""How the staff side looks (django-unfold), and what the hall is called there as everywhere."""

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

SITE_NAME = _("网上营业厅")

# The staff side (django-unfold). The colours are those of static/css/tokens.css as scales.
UNFOLD = {
    "SITE_TITLE": SITE_NAME,
    "SITE_HEADER": SITE_NAME,
    "SITE_SUBHEADER": _("员工工作台"),
    "SITE_URL": "/",
    "SITE_ICON": lambda request: static("img/favicon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/favicon.svg")}
    ],
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "STYLES": [lambda request: static("css/backoffice.css")],
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "base": {
            "50": "#f6f9f7",
            "100": "#eef3f0",
            "200": "#d6e0da",
            "300": "#bccbc4",
            "400": "#94a69f",
            "500": "#5f7068",
            "600": "#475851",
            "700": "#33423c",
            "800": "#212d29",
            "900": "#17201d",
            "950": "#0d1412",
        },
        "primary": {
            "50": "#effaf6",
            "100": "#dcefe8",
            "200": "#b9e0d3",
            "300": "#8accb8",
            "400": "#57b39a",
            "500": "#2e977d",
            "600": "#0b6b57",
            "700": "#0a5c4b",
            "800": "#084f40",
            "900": "#073f35",
            "950": "#042721",
        },
    },
    "SIDEBAR": {"show_search": True, "navigation": "hall.backoffice.navigation"},
    "DASHBOARD_CALLBACK": "hall.backoffice.dashboard",
}
