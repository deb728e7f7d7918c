"""Production: everything that matters comes from the environment, and a missing value stops the start."""

from django.core.exceptions import ImproperlyConfigured

from hall.settings import env
from hall.settings.base import *

SECRET_KEY = env.text("HALL_SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = env.words("HALL_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.words("HALL_TRUSTED_ORIGINS")
BASE_URL = env.text("HALL_BASE_URL")
SANDBOX_URL = ""

# Either gateway may be left out, and is not offered then; none may be there by half.
_ALIPAY = env.together(
    "ALIPAY_APP_ID",
    "ALIPAY_SELLER_ID",
    "ALIPAY_APP_PRIVATE_KEY_FILE",
    "ALIPAY_PUBLIC_KEY_FILE",
    "ALIPAY_GATEWAY_URL",
)
_WECHATPAY = env.together(
    "WECHATPAY_APP_ID",
    "WECHATPAY_MCH_ID",
    "WECHATPAY_API_V3_KEY",
    "WECHATPAY_MCH_PRIVATE_KEY_FILE",
    "WECHATPAY_MCH_SERIAL",
    "WECHATPAY_PLATFORM_CERT_FILE",
    "WECHATPAY_GATEWAY_URL",
)
env.together("DEBIT_MERCHANT_ID", "DEBIT_SECRET", "DEBIT_GATEWAY_URL")
if not (_ALIPAY or _WECHATPAY):
    raise ImproperlyConfigured("set ALIPAY_APP_ID or WECHATPAY_APP_ID: nobody could pay")
SMS_GATEWAY_URL = env.text("SMS_GATEWAY_URL")
SMS_GATEWAY_SECRET = env.text("SMS_GATEWAY_SECRET")

# TLS ends at a proxy. Were it not counted, all callers would seem to be one, and share one caller's limits.
ALLAUTH_TRUSTED_PROXY_COUNT = int(env.text("HALL_TRUSTED_PROXIES", "1"))
REST_FRAMEWORK = REST_FRAMEWORK | {"NUM_PROXIES": ALLAUTH_TRUSTED_PROXY_COUNT}
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# A browser takes these two only over TLS, from this host and for all of it: no neighbouring host can plant them.
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken"
LANGUAGE_COOKIE_SECURE = True
