from django.urls import path

from catalog.orders import views

urlpatterns = [
    path("orders/", views.order_list, name="orders"),
    path("orders/new/", views.order, name="order"),
    path("orders/change/", views.change, name="change"),
    path("orders/cancel/", views.cancel, name="cancel"),
    path("orders/<str:number>/", views.detail, name="order_detail"),
]
