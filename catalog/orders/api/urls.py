from django.urls import path

from catalog.orders.api import views

app_name = "orders-api"
urlpatterns = [
    path("orders/", views.OrdersView.as_view(), name="orders"),
    path("orders/<str:number>/", views.OrderView.as_view(), name="order"),
]
