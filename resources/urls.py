from django.urls import path

from resources import views

app_name = "resources"
urlpatterns = [
    path("", views.numbers, name="numbers"),
    path("<str:digits>/hold/", views.hold, name="hold"),
    path("<str:digits>/extend/", views.extend, name="extend"),
    path("<str:digits>/release/", views.release, name="release"),
]
