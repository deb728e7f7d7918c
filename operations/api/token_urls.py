from django.urls import path

from operations.api import token_pages

app_name = "api_tokens"
urlpatterns = [
    path("", token_pages.overview, name="overview"),
    path("<str:token_key>/end/", token_pages.end, name="end"),
]
