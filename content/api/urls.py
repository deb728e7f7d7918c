from django.urls import path

from content.api import views

app_name = "content-api"
urlpatterns = [
    path("articles/", views.ArticlesView.as_view(), name="articles"),
    path("articles/<slug:slug>/", views.ArticleView.as_view(), name="article"),
    path("halls/", views.HallsView.as_view(), name="halls"),
    path("search/", views.SearchView.as_view(), name="search"),
]
