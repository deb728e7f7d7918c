"""Tests: the real database and broker, keys made on the spot, no network."""

import os

os.environ.setdefault("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/hall")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:6379/9")
if worker := os.environ.get("PYTEST_XDIST_WORKER"):  # tests side by side: a number of the broker for each
    server = os.environ["REDIS_URL"].rpartition("/")[0]
    os.environ["REDIS_URL"] = f"{server}/{1 + int(worker.removeprefix('gw'))}"

from hall.settings import env
from hall.settings.base import *

SECRET_KEY = "only-for-tests"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
SANDBOX_URL = ""
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed; never outside tests
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALIPAY_APP_ID = "9021000000000001"  # offered; tests that ask it bring keys
ALLOW_PAYMENT_FIXTURES = True
ALLOW_DEMO_DATA = True
ALLOW_OTHER_DAYS = True  # --as-of of commands that write: stories run in the past
PROVISIONING_ADAPTER = "immediate"
NOTICES_QUIET_HOURS = ""  # tests run at any hour

env.finish()
