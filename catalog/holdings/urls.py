from django.urls import path, re_path

from catalog.holdings import views

urlpatterns = [
    path("services/", views.service_list, name="services"),
    path("services/export/", views.export, name="services_export"),
    path("services/family/", views.family, name="family"),
    re_path(r"^services/(?P<number>[A-Z][0-9]{1,31})/$", views.service, name="service"),
]
