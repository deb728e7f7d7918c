from django.urls import path

from catalog.offers import views

urlpatterns = [
    path("offers/", views.shelf, name="offers"),
    path("offers/compare/", views.compare, name="compare"),
    path("offers/<slug:code>/", views.offer, name="offer"),
    path("tariffs/products/", views.tariffs, name="tariffs"),
]
