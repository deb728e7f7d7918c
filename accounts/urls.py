from django.urls import path

from accounts import inbox_views, personal_views, views

app_name = "accounts"
urlpatterns = [
    path("", views.profile, name="profile"),
    path("accounts/", views.account_list, name="accounts"),
    path("accounts/<str:number>/", views.account, name="account"),
    path("messages/", inbox_views.told, name="messages"),
    path("messages/read/", inbox_views.read, name="messages_read"),
    path("security/", personal_views.security, name="security"),
    path("security/devices/end-others/", personal_views.end_other_devices, name="end_others"),
    path("security/devices/<str:reference>/end/", personal_views.end_device, name="end_device"),
    path("consents/", personal_views.consents, name="consents"),
    path("data/", personal_views.data, name="data"),
    path("data/<str:reference>/", personal_views.download, name="download"),
]
