from csp.decorators import csp_update
from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from operations.api import errors, views

app_name = "api"

# Swagger's own script sets style attributes; the frame that it stands in has none.
_docs = csp_update({"style-src": ["'self'", "'unsafe-inline'"]})(
    SpectacularSwaggerSplitView.as_view(url_name="api:schema", template_name="operations/api_docs.html")
)

urlpatterns = [
    path("operations/", views.OperationsView.as_view(), name="operations"),
    path("operations/<str:code>/quote/", views.QuoteView.as_view(), name="quote"),
    path("operations/<str:code>/code/", views.CodeView.as_view(), name="code"),
    path("operations/<str:code>/submit/", views.SubmitView.as_view(), name="submit"),
    path("requests/", views.RequestsView.as_view(), name="requests"),
    path("requests/<str:number>/", views.RequestView.as_view(), name="request"),
    path("tokens/", views.TokensView.as_view(), name="tokens"),
    path("tokens/<str:token_key>/", views.TokenView.as_view(), name="token"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", _docs, name="docs"),
    re_path(r"", errors.not_found),
]
