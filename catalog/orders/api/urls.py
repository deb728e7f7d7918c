from django.urls import path

from catalog.orders.api import views

urlpatterns = [
    path("orders/", views.OrdersView.as_view(), name="orders_list"),
    path("orders/<str:number>/", views.OrderView.as_view(), name="orders_read"),
]
