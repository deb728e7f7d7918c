"""Staff pages of content."""

from content.admin import articles, halls, search, sections

__all__ = ["articles", "halls", "search", "sections"]
