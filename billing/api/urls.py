from django.urls import path

from billing.api import views

app_name = "billing_api"
urlpatterns = [
    path("accounts/", views.AccountsView.as_view(), name="accounts"),
    path("bills/", views.BillsView.as_view(), name="bills"),
    path("bills/<str:number>/", views.BillView.as_view(), name="bill"),
    path("receipts/", views.ReceiptsView.as_view(), name="receipts"),
    path("receipts/<str:number>/", views.ReceiptView.as_view(), name="receipt"),
    path("payments/", views.PaymentsView.as_view(), name="payments"),
    path("payments/<str:reference>/", views.PaymentView.as_view(), name="payment"),
    path("messages/", views.MessagesView.as_view(), name="messages"),
]
