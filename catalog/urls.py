from django.urls import include, path

app_name = "catalog"
urlpatterns = [
    path("", include("catalog.charging.urls")),
    path("", include("catalog.offers.urls")),
    path("", include("catalog.orders.urls")),
    path("", include("catalog.pauses.urls")),
    path("", include("catalog.holdings.urls")),
]
