from django.urls import re_path

from billing.views import callbacks

app_name = "billing"
urlpatterns = [
    # Gateways drop or add the last slash as they like; a redirect would lose the message.
    re_path(r"^payments/callbacks/(?P<gateway>[a-z]{1,20})/?$", callbacks.callback, name="callback"),
]
