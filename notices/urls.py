from django.urls import path

from notices import views

app_name = "notices"
urlpatterns = [
    path("receipts/sms/", views.sms_receipt, name="sms_receipt"),
    path("receipts/email/", views.email_receipt, name="email_receipt"),
]
