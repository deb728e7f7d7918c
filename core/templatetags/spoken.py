"""Text as people wrote it, marked with its language where the page has another: names, addresses, lines of bills.

A screen reader then says it as Chinese (WCAG 2.2, 3.1.2). This is the one way to do it; the components do it for what
they are given, and a template that prints such text itself writes {{ name|spoken }}. In attributes it has no place.
"""

import re

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

register = template.Library()
CHINESE = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"[{CHINESE}](?:[^{CHINESE}A-Za-z<>]*[{CHINESE}])*")


@register.filter
def spoken(value: object) -> object:
    """The same text; on a page in another language its Chinese stands in <span lang="zh-Hans">.

    What is HTML already stays as it is: who made it knew its language.
    """
    if value is None or (get_language() or "zh").startswith("zh"):
        return value
    text = conditional_escape(value if isinstance(value, SafeString) else str(value))
    if "<" in text or not _RUN.search(text):
        return value
    return mark_safe(_RUN.sub(r'<span lang="zh-Hans">\g<0></span>', text))  # escaped above
