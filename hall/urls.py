"""The front door: every address of the hall, room by room."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from hall.views import language

# Staff log in by the customers' door: the same limits, the same answers.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("hall.pages")),
    path("", include("content.urls")),
    path("", include("core.urls")),
    path("", include("catalog.urls")),  # before the bills: /bills/next/ is no bill's number
    path("", include("billing.urls")),
    path("", include("operations.urls")),
    path("numbers/", include("resources.urls")),
    path("arrears/", include("arrears.urls")),
    path("api/", include("billing.api.urls")),
    path("api/content/", include("content.api.urls")),
    path("api/", include("resources.api.urls")),
    path("api/", include("catalog.offers.api.urls")),
    path("api/", include("catalog.orders.api.urls")),
    path("api/", include("arrears.api.urls")),
    path("api/", include("operations.api.urls")),  # the last: it answers for whatever is none
    path("notices/", include("notices.urls")),
    path("me/tokens/", include("operations.api.token_urls")),
    path("me/", include("accounts.urls")),
    path("account/", include("operations.people.entrance")),
    path("account/", include("accounts.entrance")),
    path("account/", include("allauth.urls")),
    path("i18n/setlang/", language, name="set_language"),
    path("admin/", admin.site.urls),
]

handler400 = "hall.errors.bad_request"
