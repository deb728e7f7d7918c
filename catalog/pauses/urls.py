from django.urls import path

from catalog.pauses import views

urlpatterns = [
    path("services/pause/", views.pause, name="pause"),
    path("services/resume/", views.resume, name="resume"),
]
