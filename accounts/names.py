"""Names of people and firms: as they write them, but nothing that hides, reverses or breaks what is shown."""

import re
import unicodedata

from django.utils.translation import gettext_lazy as _

from core.errors import HallError

_REFUSED = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})  # control, zero-width, bidi, unassigned …
LONGEST = 60


class BadName(HallError):
    code = "BAD_NAME"
    message = _("姓名不能为空或超过 %(longest)s 个字，也不能含有特殊符号")


def clean(text: str, *, longest: int = LONGEST) -> str:
    """The name stripped, composed (NFC) and with single spaces; raises BadName.

    Refused: nothing at all, more than `longest` characters, < and >, and characters that cannot be seen.
    """
    name = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text).strip())
    if not 0 < len(name) <= longest or any(map(_is_refused, name)):
        raise BadName(longest=longest)
    return name


def masked(name: str) -> str:
    """Enough of a name for who knows it to recognise it.

    王小明 → **明, 华强电子有限公司 → 华****公司, John Smith → J*** S***.
    """
    name = name.strip()
    if not name:
        return ""
    if name.isascii():
        return " ".join(f"{part[0]}***" for part in name.split())
    if len(name) <= 4:
        return f"{'*' * max(1, len(name) - 1)}{name[-1] if len(name) > 1 else ''}"
    return f"{name[0]}****{name[-2:]}"


def _is_refused(character: str) -> bool:
    return character in "<>" or unicodedata.category(character) in _REFUSED
