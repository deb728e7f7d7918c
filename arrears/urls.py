from django.urls import path

from arrears import number_views, views

app_name = "arrears"
urlpatterns = [
    path("", views.account_list, name="accounts"),
    path("restore/", number_views.restore, name="restore"),
    path("<str:number>/", views.account, name="account"),
]
