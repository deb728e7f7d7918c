from django.urls import path

from core import headers, health
from core.uploads.views import upload

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics_view, name="metrics"),
    path("files/<str:token>/", upload, name="upload"),
    path("csp-report/", headers.csp_report, name="csp_report"),
]
