from django.urls import path

from operations import views

app_name = "operations"
urlpatterns = [
    path("operations/", views.operation_list, name="list"),
    path("operations/<str:code>/", views.operation_form, name="form"),
    path("requests/", views.requests, name="requests"),
    path("requests/<str:number>/", views.slip, name="slip"),
]
