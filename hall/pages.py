from django.urls import path

from content.views import articles
from hall import views, web_app

app_name = "hall"
urlpatterns = [
    path("", views.home, name="home"),
    path("help/", articles.help_centre, name="help"),
    path("tariffs/", views.tariffs, name="tariffs"),
    path("manifest.webmanifest", web_app.manifest, name="manifest"),
    path("sw.js", web_app.service_worker, name="service_worker"),
    path("offline/", web_app.offline, name="offline"),
    path("display/", views.display, name="display"),
    path("styleguide/", views.styleguide, name="styleguide"),
]
