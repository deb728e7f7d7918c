from django import template

from core import money

register = template.Library()


@register.filter
def yuan(cents: int) -> str:
    """¥1,234.50 for an amount in fen."""
    return money.display(cents)
