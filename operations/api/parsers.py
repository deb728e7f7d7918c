import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MOST_BYTES = 1_000_000  # a cart of hundreds of lines is far below it


class StrictJSONParser(JSONParser):
    """JSON of a sane size and depth whose texts can be stored; anything else is BAD_JSON."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {}).get("request")
        length = str(request.META.get("CONTENT_LENGTH") or "0") if request is not None else "0"
        if not length.isdecimal() or int(length[:9]) > MOST_BYTES:
            raise ParseError()
        try:
            data = super().parse(stream, media_type, dict(parser_context or {}))
            json.dumps(data, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (RecursionError, UnicodeEncodeError):
            raise ParseError() from None
        return data
