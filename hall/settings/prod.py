"""Production: everything comes from the environment; what is missing or weak stops the start, all at once."""

from hall.settings import env
from hall.settings.base import *

SECRET_KEY = env.secret("HALL_SECRET_KEY")
SECRET_KEY_FALLBACKS = env.words("HALL_SECRET_KEY_FALLBACKS")  # what they signed or sealed still opens
DEBUG = False
ALLOWED_HOSTS = env.hosts("HALL_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.origins("HALL_TRUSTED_ORIGINS")
BASE_URL = env.https("HALL_BASE_URL")
SANDBOX_URL = ""
BACKUPS_EXPECTED = env.flag("HALL_BACKUPS_EXPECTED", default=True)

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
env.together("PROVISIONING_URL", "PROVISIONING_SECRET")  # left out: each command goes to a person at once
if not (_ALIPAY or _WECHATPAY):
    env.complain("set ALIPAY_APP_ID or WECHATPAY_APP_ID: nobody could pay")
for _name in ("ALIPAY_GATEWAY_URL", "WECHATPAY_GATEWAY_URL", "DEBIT_GATEWAY_URL", "PROVISIONING_URL"):
    env.https(_name, is_required=False)
SMS_GATEWAY_URL = env.https("SMS_GATEWAY_URL")
SMS_GATEWAY_SECRET = env.text("SMS_GATEWAY_SECRET")

# "clamd:HOST:PORT"; or "off", said by the operator himself.
UPLOAD_SCANNER = env.text("HALL_UPLOAD_SCANNER")

# TLS ends at a proxy. Were it not counted, all callers would seem to be one, and share one caller's limits.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("HALL_TRUSTED_PROXIES", 1)
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
LANGUAGE_COOKIE_NAME = "__Host-language"
LANGUAGE_COOKIE_SECURE = True

env.finish()
