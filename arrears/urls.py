from django.urls import path

from arrears import views

app_name = "arrears"
urlpatterns = [
    path("", views.account_list, name="accounts"),
    path("<str:number>/", views.account, name="account"),
]
