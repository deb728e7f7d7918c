from django.urls import path

from hall import views

app_name = "hall"
urlpatterns = [
    path("", views.home, name="home"),
    path("help/", views.help_page, name="help"),
    path("display/", views.display, name="display"),
    path("styleguide/", views.styleguide, name="styleguide"),
]
