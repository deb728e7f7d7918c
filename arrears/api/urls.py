from django.urls import path

from arrears.api import views

app_name = "arrears-api"
urlpatterns = [
    path("arrears/", views.AccountsView.as_view(), name="accounts"),
    path("arrears/<str:number>/", views.AccountView.as_view(), name="account"),
]
