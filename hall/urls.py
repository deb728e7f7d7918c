"""The front door: every address of the hall, room by room."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("hall.pages")),
    path("", include("core.urls")),
    path("", include("billing.urls")),
    path("", include("operations.urls")),
    path("api/", include("operations.api.urls")),
    path("notices/", include("notices.urls")),
    path("me/", include("accounts.urls")),
    path("account/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
