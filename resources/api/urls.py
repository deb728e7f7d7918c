from django.urls import path

from resources.api import views

app_name = "resources-api"
urlpatterns = [
    path("numbers/", views.NumbersView.as_view(), name="numbers"),
    path("number-holds/", views.HoldsView.as_view(), name="holds"),
    path("number-holds/<str:digits>/", views.HoldView.as_view(), name="hold"),
]
