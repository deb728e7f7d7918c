"""What the hall speaks to outside: gateways for payments, text messages and mail. prod says which must be there."""

from hall.settings import env

ALIPAY_APP_ID = env.text("ALIPAY_APP_ID", "")
ALIPAY_SELLER_ID = env.text("ALIPAY_SELLER_ID", "")
ALIPAY_APP_PRIVATE_KEY_FILE = env.text("ALIPAY_APP_PRIVATE_KEY_FILE", "")
ALIPAY_PUBLIC_KEY_FILE = env.text("ALIPAY_PUBLIC_KEY_FILE", "")
ALIPAY_GATEWAY_URL = env.text("ALIPAY_GATEWAY_URL", "")
WECHATPAY_APP_ID = env.text("WECHATPAY_APP_ID", "")
WECHATPAY_MCH_ID = env.text("WECHATPAY_MCH_ID", "")
WECHATPAY_API_V3_KEY = env.text("WECHATPAY_API_V3_KEY", "")
WECHATPAY_MCH_PRIVATE_KEY_FILE = env.text("WECHATPAY_MCH_PRIVATE_KEY_FILE", "")
WECHATPAY_MCH_SERIAL = env.text("WECHATPAY_MCH_SERIAL", "")
WECHATPAY_PLATFORM_CERT_FILE = env.text("WECHATPAY_PLATFORM_CERT_FILE", "")
# Only where WeChat gave a public key in the place of a certificate: its PUB_KEY_ID_…
WECHATPAY_PLATFORM_KEY_ID = env.text("WECHATPAY_PLATFORM_KEY_ID", "")
WECHATPAY_GATEWAY_URL = env.text("WECHATPAY_GATEWAY_URL", "")
# Bank debit by agreement; left empty, it is not offered.
DEBIT_MERCHANT_ID = env.text("DEBIT_MERCHANT_ID", "")
DEBIT_SECRET = env.text("DEBIT_SECRET", "")
DEBIT_GATEWAY_URL = env.text("DEBIT_GATEWAY_URL", "")
DEBIT_NOTICE_DAYS = env.number("HALL_DEBIT_NOTICE_DAYS", 3, least=1)  # told so long before money is taken

SMS_GATEWAY_URL = env.text("SMS_GATEWAY_URL", "")
SMS_GATEWAY_SECRET = env.text("SMS_GATEWAY_SECRET", "")
SMS_GATEWAY_BATCH_URL = env.text("SMS_GATEWAY_BATCH_URL", "")  # empty: one message a request
SMS_GATEWAY_QUERY_URL = env.text("SMS_GATEWAY_QUERY_URL", "")  # empty: receipts come by callback only
SMS_FAILURE_CODES = env.text("SMS_FAILURE_CODES", "")  # the carrier's own: "MK:0001=HARD,MI:0010=SOFT"
# When no telephone rings for what can wait (local time; empty: never), and what providers take in a second ("sms=100").
NOTICES_QUIET_HOURS = env.text("NOTICES_QUIET_HOURS", "21:00-08:00")
NOTICES_RATES = env.text("NOTICES_RATES", "")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25, least=1)
EMAIL_HOST_USER = env.text("EMAIL_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_TLS")  # STARTTLS
EMAIL_WEBHOOK_SECRET = env.text(
    "EMAIL_WEBHOOK_SECRET", ""
)  # empty: no report of the mail provider is believed
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "hall@localhost")
