from django.urls import path

from catalog.offers.api import views

app_name = "offers-api"
urlpatterns = [
    path("offers/", views.OffersView.as_view(), name="offers"),
    path("offers/<slug:offer_code>/", views.OfferView.as_view(), name="offer"),
    path("offers/<slug:offer_code>/price/", views.PriceView.as_view(), name="price"),
]
