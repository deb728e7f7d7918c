"""Benchmarks: as in production, over loopback, with one bare view beside ours."""

from hall.settings import env
from hall.settings.base import *

SECRET_KEY = env.text("HALL_SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
SANDBOX_URL = ""
ALLOW_PAYMENT_FIXTURES = True
ALLOW_DEMO_DATA = True  # news, notices and halls for the first page
ALLOW_OTHER_DAYS = True  # --as-of of commands that write: stories run in the past
ROOT_URLCONF = "benchmarks.urls"
INSTALLED_APPS += ["benchmarks"]
LOGGING = {
    **LOGGING,
    "root": {"handlers": ["stderr"], "level": "ERROR"},
}  # as for the peers: no line per request

if (STATIC_ROOT / "staticfiles.json").exists():  # collected, as for production
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

env.finish()
