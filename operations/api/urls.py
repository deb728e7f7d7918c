from django.urls import path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from operations.api import docs, errors, views

app_name = "api"
urlpatterns = [
    path("operations/", views.OperationsView.as_view(), name="operations"),
    path("operations/<str:code>/quote/", views.QuoteView.as_view(), name="quote"),
    path("operations/<str:code>/code/", views.CodeView.as_view(), name="code"),
    path("operations/<str:code>/submit/", views.SubmitView.as_view(), name="submit"),
    path("requests/", views.RequestsView.as_view(), name="requests"),
    path("requests/<str:number>/", views.RequestView.as_view(), name="request"),
    path("schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("docs/", docs.page, name="docs"),
    re_path(r"", errors.not_found),
]
