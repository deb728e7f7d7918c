from django.urls import path, re_path

from billing.views import callbacks, pages, payments

app_name = "billing"
urlpatterns = [
    path("bills/", pages.bill_list, name="bills"),
    path("bills/<str:number>/", pages.bill, name="bill"),
    path("pay/", pages.pay, name="pay"),
    path("receipts/", pages.receipt_list, name="receipts"),
    path("receipts/<str:number>/", pages.receipt, name="receipt"),
    path("payments/return/<str:gateway>/", payments.gateway_return, name="return"),
    # Gateways drop or add the last slash as they like; a redirect would lose the message.
    re_path(r"^payments/callbacks/(?P<gateway>[a-z]{1,20})/?$", callbacks.callback, name="callback"),
    path("payments/<str:reference>/", payments.payment_page, name="payment"),
    path("payments/<str:reference>/status/", payments.payment_status, name="payment_status"),
    path("payments/<str:reference>/cashier/", payments.cashier, name="cashier"),
    path("payments/<str:reference>/cancel/", payments.cancel, name="cancel"),
]
