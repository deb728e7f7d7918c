"""For building the image: enough to gather the static files as production serves them; serves nothing itself."""

import os

os.environ.setdefault("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:9/0")

from hall.settings import env
from hall.settings.base import *

SECRET_KEY = "only-for-building"
ALLOWED_HOSTS: list[str] = []
SANDBOX_URL = ""
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

env.finish()
