from django.urls import path

from arrears import escalation_views, number_views, views

app_name = "arrears"
urlpatterns = [
    path("", views.account_list, name="accounts"),
    path("restore/", number_views.restore, name="restore"),
    path("escalations/", escalation_views.escalations, name="escalations"),
    path("<str:number>/", views.account, name="account"),
]
