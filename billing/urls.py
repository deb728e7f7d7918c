from django.urls import path, re_path

from billing.views import (
    balance,
    callbacks,
    debits,
    documents,
    email_subscriptions,
    exports,
    pages,
    pay_links,
    pay_other,
    payments,
)
from billing.views import refunds as refund_pages

app_name = "billing"
urlpatterns = [
    path("bills/", pages.bill_list, name="bills"),
    path("email-bills/", email_subscriptions.overview, name="email_subscriptions"),
    path("email-bills/confirm/<str:token>/", email_subscriptions.confirm, name="email_confirm"),
    path("email-bills/unsubscribe/<str:token>/", email_subscriptions.unsubscribe, name="email_unsubscribe"),
    path("bills/export/", exports.export, name="export"),
    path("bills/<str:number>/", pages.bill, name="bill"),
    path("bills/<str:number>/pdf/", documents.bill_pdf, name="bill_pdf"),
    path("pay/", pages.pay, name="pay"),
    path("pay/other/", pay_other.pay_other, name="pay_other"),
    path("p/<str:token>/", pay_links.pay_link, name="pay_link"),
    path("p/<str:token>/status/", pay_links.pay_link_status, name="pay_link_status"),
    path("p/<str:token>/cashier/", pay_links.pay_link_cashier, name="pay_link_cashier"),
    path("p/<str:token>/cancel/", pay_links.pay_link_cancel, name="pay_link_cancel"),
    path("balance/", balance.balance, name="balance"),
    path("balance/debit/<str:reference>/sign/", debits.debit_sign, name="debit_sign"),
    path("balance/debit/<str:reference>/return/", debits.debit_return, name="debit_return"),
    path("receipts/", pages.receipt_list, name="receipts"),
    path("receipts/<str:number>/", pages.receipt, name="receipt"),
    path("refunds/", refund_pages.refund_list, name="refunds"),
    path("refunds/<str:number>/", refund_pages.refund, name="refund"),
    path("refunds/<str:number>/cancel/", refund_pages.cancel_refund, name="refund_cancel"),
    path("receipts/<str:number>/pdf/", documents.receipt_pdf, name="receipt_pdf"),
    path("payments/return/<str:gateway>/", pay_links.back_to_link(payments.gateway_return), name="return"),
    # Gateways drop or add the last slash as they like; a redirect would lose the message.
    re_path(r"^payments/callbacks/(?P<gateway>[a-z]{1,20})/?$", callbacks.callback, name="callback"),
    path("payments/<str:reference>/", payments.payment_page, name="payment"),
    path("payments/<str:reference>/status/", payments.payment_status, name="payment_status"),
    path("payments/<str:reference>/cashier/", payments.cashier, name="cashier"),
    path("payments/<str:reference>/cancel/", payments.cancel, name="cancel"),
]
