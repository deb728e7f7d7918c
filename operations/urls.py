from django.urls import path

from operations import views
from operations.serving.views import serving_end

app_name = "operations"
urlpatterns = [
    path("operations/", views.operation_list, name="list"),
    path("operations/<str:code>/", views.operation_form, name="form"),
    path("serving/end/", serving_end, name="serving_end"),
    path("requests/", views.requests, name="requests"),
    path("requests/<str:number>/", views.slip, name="slip"),
]
