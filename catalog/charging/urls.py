from django.urls import path

from catalog.charging import views

urlpatterns = [
    path("bills/next/", views.next_bill, name="next_bill"),
    path("services/advice/", views.advice, name="advice"),
]
