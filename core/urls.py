from django.urls import path

from core import headers, health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics_view, name="metrics"),
    path("csp-report/", headers.csp_report, name="csp_report"),
]
