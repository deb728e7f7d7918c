from django import template

register = template.Library()


@register.filter
def permille(ppm: int) -> str:
    """Parts per million as per mille: 3000 → "3", 500 → "0.5"."""
    return f"{ppm / 1000:g}"
