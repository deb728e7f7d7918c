from django.urls import path, register_converter

from content.views import articles, files, halls, search


class Digest:
    """A SHA-256, as pictures are addressed by."""

    regex = "[0-9a-f]{64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Digest, "digest")

app_name = "content"
urlpatterns = [
    path("news/", articles.news, name="news"),
    path("news/feed/", files.feed, name="feed"),
    path("news/<slug:slug>/", articles.article, name="article"),
    path("help/<slug:slug>/", articles.help_article, name="help_article"),
    path("halls/", halls.halls, name="halls"),
    path("halls/<slug:code>/", halls.hall, name="hall"),
    path("search/", search.search, name="search"),
    path("pictures/<digest:digest>/", files.picture, name="picture"),
    path("sitemap.xml", files.sitemap, name="sitemap"),
    path("robots.txt", files.robots, name="robots"),
]
