"""What stands between the hall and whoever wishes it ill: cookies, headers, sessions, limits, the open interface."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from hall.settings import env, gateways


def _origin(url: str) -> list[str]:
    parts = urlsplit(url)
    return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []


# How many proxies in front of the hall write X-Forwarded-For; 0 takes the address of the connection.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("HALL_TRUSTED_PROXIES", 0)

# Sessions. Idle: so long without a request; absolute: however busy. Staff have both short.
SESSION_ENGINE = "core.session_store"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 30 * 86_400  # seconds; what "stay logged in" means, and no session lives longer idle
SESSION_IDLE_SECONDS = 12 * 3_600  # whoever did not ask to stay
SESSION_IDLE_SECONDS_STAFF = 1_800
SESSION_ABSOLUTE_SECONDS = 90 * 86_400
SESSION_ABSOLUTE_SECONDS_STAFF = 8 * 3_600
ACCOUNT_SESSION_REMEMBER = None  # the forms ask; see core.sessions for what becomes of the answer
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"

# Headers. Forms of ours end at ourselves or, through a redirect, at the page of a cashier.
CASHIER_ORIGINS = sorted(
    {
        *_origin(gateways.ALIPAY_GATEWAY_URL),
        *_origin(gateways.DEBIT_GATEWAY_URL),
        *env.words("HALL_CASHIER_ORIGINS", "https://*.alipay.com" if gateways.ALIPAY_APP_ID else ""),
    }
)
CSP_REPORT_PATH = "/csp-report/"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
        "form-action": ["'self'", *CASHIER_ORIGINS],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "report-uri": [CSP_REPORT_PATH],
        "report-to": ["csp"],
    }
}
# The staff theme brings Alpine, which evaluates expressions, and writes its colours as a style element; it has no
# inline scripts. The customers' pages never get this.
CSP_ADMIN_DIRECTIVES = {
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Only names that Chromium knows: it complains of any other on every page. /halls/ allows itself geolocation.
_NOT_NEEDED = (
    "accelerometer, autoplay, browsing-topics, camera, display-capture, "
    "encrypted-media, fullscreen, geolocation, gyroscope, hid, idle-detection, magnetometer, microphone, midi, "
    "payment, screen-wake-lock, serial, usb, xr-spatial-tracking"
)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": X_FRAME_OPTIONS,
    "Referrer-Policy": SECURE_REFERRER_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name.strip()}=()" for name in _NOT_NEEDED.split(",")),
    "Reporting-Endpoints": f'csp="{CSP_REPORT_PATH}"',
}

# Limits of log-in that need to know how the attempt ended are allauth's; the codes have CODE_LIMITS.
ACCOUNT_RATE_LIMITS = {
    "login": None,  # RATE_LIMITS counts these
    "login_failed": "10/m/ip,5/5m/key",
    "signup": None,
    "confirm_code": "30/m/ip",
    "request_login_code": None,  # CODE_LIMITS counts these
    "verify_phone": None,
    "change_phone": None,
    "reauthenticate": "5/5m/user",
}
# Everything else that costs work or can be guessed, by the name of its address, "POST name" for that method alone,
# "POST name CODE" for one operation instead of that.
# N/PERIOD/WHOM: whom is ip, user (ip for visitors), phone (as typed into the form), link (the secret in the address).
# N may come at once, and then one each PERIOD/N. "api" holds for the interface's addresses that have no entry.
RATE_LIMITS = {
    "POST account_login": "60/m/ip,20/h/phone",
    "POST account_signup": "20/m/ip,60/h/ip",
    "POST account_request_login_code": "30/m/ip",
    "POST account_reset_password": "10/m/ip,10/h/phone",
    "POST password_reset_code": "30/m/ip",
    "POST password_reset_new": "30/m/ip",
    "POST account_change_password": "10/m/user",
    "POST account_change_phone": "10/m/user",
    "arrears:accounts": "60/m/user",
    "arrears:account": "60/m/user",
    "arrears:escalations": "60/m/user",
    "arrears-api:accounts": "60/m/user",
    "arrears-api:account": "60/m/user",
    "billing:export": "30/h/user",
    "billing:bill_pdf": "60/h/user",
    "billing:receipt_pdf": "60/h/user",
    "POST billing:pay": "60/m/user",
    "POST billing:pay_other": "60/h/user,120/h/ip",
    "billing:cashier": "30/m/user",
    "billing:pay_link": "60/m/ip,120/m/link",
    "billing:pay_link_cashier": "20/m/ip,20/m/link",
    "POST billing:pay_link_cancel": "20/m/ip",
    "billing:email_confirm": "30/m/ip",
    "billing:email_unsubscribe": "30/m/ip",
    "POST billing:email_subscriptions": "20/h/user",
    "resources:numbers": "60/m/user",
    "POST resources:hold": "30/h/user",
    "POST resources:extend": "30/h/user",
    "POST resources:release": "60/h/user",
    "catalog:offers": "120/m/user",
    "catalog:offer": "120/m/user",
    "catalog:compare": "60/m/user",
    "catalog:tariffs": "120/m/user",  # must be read by everybody, but not all day by a machine
    "catalog:next_bill": "60/m/user",
    "catalog:advice": "20/m/user",  # replays up to a year on every offer
    "catalog:order": "60/m/user",  # each step prices the order anew
    "catalog:change": "60/m/user",
    "catalog:cancel": "60/m/user",
    "catalog:pause": "60/m/user",
    "catalog:resume": "60/m/user",
    "catalog:services_export": "30/h/user",
    "POST operations:form": "60/m/user",
    "POST operations:form member.invite": "20/m/user,60/h/user",  # a message to somebody who did not ask for it
    "POST operations:form bill.dispute": "20/m/user,60/h/user",  # brings files
    "upload": "120/m/user",
    "POST api_tokens:overview": "20/h/user",
    "content:search": "60/m/user",
    "csp_report": "60/m/ip",
    "POST set_language": "30/m/ip",
    "POST hall:display": "60/m/ip",
    "api": "300/m/user",
    "api:quote": "60/m/user",
    "POST operations:form number.hold": "30/h/user",
    "POST api:submit number.hold": "30/h/user",
    "api:code": "20/h/user",
    "api:submit": "30/m/user",
    "POST api:submit member.invite": "20/h/user",
    "POST api:quote member.invite": "60/h/user",
    "api:schema": "30/m/ip",
    "api:docs": "30/m/ip",
    "content-api:search": "60/m/user",
    "resources-api:numbers": "60/m/user",
    "POST resources-api:hold": "30/h/user",
    "DELETE resources-api:hold": "60/h/user",
    "offers-api:offers": "60/m/user",
    "offers-api:price": "60/m/user",
}
RATE_LIMIT_FACTOR = 1  # how many times more is allowed: one developer plays all customers

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "operations.api.authentication.HallTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "operations.api.scopes.HasScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["operations.api.parsers.StrictJSONParser"],
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "operations.api.schema.HallSchema",
    "DEFAULT_THROTTLE_CLASSES": ["operations.api.throttles.HallThrottle"],
    "EXCEPTION_HANDLER": "operations.api.errors.handle",
    "NUM_PROXIES": ALLAUTH_TRUSTED_PROXY_COUNT,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": timedelta(days=30),
    "TOKEN_LIMIT_PER_USER": 10,
    "TOKEN_PREFIX": "hall_",
}
KNOX_TOKEN_MODEL = "knox.AuthToken"  # said aloud, because migrations refer to it
API_TOKEN_DAYS = (7, 30, 90)  # how long a token may be made to last
SPECTACULAR_SETTINGS = {
    "TITLE": _("网上营业厅 API"),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/api/",
    "ENUM_NAME_OVERRIDES": {
        "BillKind": "billing.models.BillKind",
        "ArrearsStage": "arrears.choices.Stage",
        "ArticleKind": "content.models.ArticleKind",
        "SlipState": "operations.models.SlipState",
        "PaymentState": "billing.models.PaymentState",
        "DeliveryState": "notices.models.DeliveryState",
        "SlipChannel": "operations.models.Channel",
        "MessageChannel": "notices.models.Channel",
        "OrderState": "catalog.models.OrderState",
        "OrderLineState": "catalog.models.LineState",
        "OfferEffect": "catalog.choices.Effect",
        "WhileOff": "catalog.choices.WhileOff",
    },
}
