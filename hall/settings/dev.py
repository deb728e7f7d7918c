"""A developer's machine and the demo: loopback, plain HTTP, stand-ins for the gateways."""

from hall.settings import env
from hall.settings.base import *

SECRET_KEY = env.text("HALL_SECRET_KEY")
DEBUG = env.flag("HALL_DEBUG")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
SANDBOX_URL = env.text("SANDBOX_URL", "")  # shown as a hint where codes are asked for; empty hides it
EMAIL_BACKEND = (
    "notices.providers.mail_over_http.EmailBackend"
    if SANDBOX_URL
    else "django.core.mail.backends.console.EmailBackend"
)
ALLOW_DEMO_DATA = True
ALLOW_OTHER_DAYS = True  # --as-of of commands that write: stories run in the past
NOTICES_QUIET_HOURS = ""  # who works on it wants to see his messages
PROVISIONING_ADAPTER = env.text("PROVISIONING_ADAPTER", "http" if PROVISIONING_URL else "immediate")
# One person plays all customers here, from one address.
CODE_LIMITS = CODE_LIMITS | {"target_day": 500, "phone_day": 500, "client_hour": 500, "who_hour": 500}
RATE_LIMIT_FACTOR = 100

env.finish()
