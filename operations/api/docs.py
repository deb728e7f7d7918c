"""The description of the interface as a page of the hall: no script, nothing from elsewhere."""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

_METHODS = ("get", "post", "put", "patch", "delete")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "operations/api_docs.html", {"api": described(get_language() or "zh-hans")})


@lru_cache(maxsize=8)  # the description changes with the code alone
def described(language: str) -> dict[str, Any]:
    """Title, groups of operations with their fields, and shapes, ready to be shown in that language."""
    with override(language):
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    shapes = schema["components"]["schemas"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in schema["paths"].items():
        for method in filter(methods.__contains__, _METHODS):
            one = methods[method]
            groups.setdefault(one["tags"][0], []).append(_operation(path, method, one))
    return {
        "title": schema["info"]["title"],
        "version": schema["info"]["version"],
        "groups": list(groups.items()),
        "shapes": [{"name": name, "fields": _fields(shape)} for name, shape in shapes.items()],
    }


def _operation(path: str, method: str, one: dict[str, Any]) -> dict[str, Any]:
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answers = [
        {
            "status": status,
            "text": answer.get("description", ""),
            "shape": _type(answer.get("content", {}).get("application/json", {}).get("schema", {})),
        }
        for status, answer in one["responses"].items()
    ]
    return {
        "id": one["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": one.get("summary", ""),
        "parameters": [
            {
                "name": each["name"],
                "place": each["in"],
                "is_required": each.get("required", False),
                "type": _type(each["schema"]),
                "text": each.get("description", ""),
            }
            for each in one.get("parameters", [])
        ],
        "body": _type(body),
        "answers": answers,
    }


def _fields(shape: dict[str, Any]) -> list[dict[str, Any]]:
    required = shape.get("required", [])
    return [
        {
            "name": name,
            "is_required": name in required,
            "type": _type(field),
            "text": field.get("description", ""),
        }
        for name, field in shape.get("properties", {}).items()
    ]


def _type(schema: dict[str, Any]) -> str:
    """A type in a few words: "integer", "[Bill]", "string (date)", "A | null"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return " | ".join(_type(each) for each in schema[key])
    if "enum" in schema:
        return " · ".join("null" if each is None else str(each) for each in schema["enum"])
    kind = schema.get("type", "")
    if kind == "array":
        return f"[{_type(schema['items'])}]"
    named = " | ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{named} ({schema['format']})" if "format" in schema else named
