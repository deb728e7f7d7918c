from django.urls import path

from arrears.api import views

app_name = "arrears-api"
urlpatterns = [
    path("arrears/", views.StandingsView.as_view(), name="standings"),
    path("arrears/<str:number>/", views.StandingView.as_view(), name="standing"),
]
