"""What the hall tells everybody: sections, articles, halls (营业厅), and what is searched."""

from content.models.articles import Article, ArticleHistory, ArticleKind, ArticleState, ArticleVersion
from content.models.halls import Hall, HallCheck, HallException, HallHours, HallService
from content.models.pictures import Picture
from content.models.search import SearchItem, SearchMiss
from content.models.sections import ContentTask, Section

__all__ = [
    "Article",
    "ArticleHistory",
    "ArticleKind",
    "ArticleState",
    "ArticleVersion",
    "ContentTask",
    "Hall",
    "HallCheck",
    "HallException",
    "HallHours",
    "HallService",
    "Picture",
    "SearchItem",
    "SearchMiss",
    "Section",
]
