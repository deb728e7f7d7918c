"""The texts to translate, as the code and the templates name them, and what a catalogue says about them.

Reads catalogues and sources by itself, so that it needs no gettext tools: script/messages does, and may be forgotten.
"""

import ast
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation.template import templatize

from tests.architecture.sources import ROOMS, ROOT, built, files, tree

FUNCTIONS = {
    f"{prefix}gettext{suffix}"
    for prefix in ("", "n", "p", "np")
    for suffix in ("", "_lazy", "_noop")
    if not (suffix == "_noop" and prefix)
}
CHINESE = re.compile(r"[\u3400-\u9fff]")
# A string literal, or several after one another with commas between, as `templatize` writes them.
_LITERAL = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(rf"\b(_|n?p?gettext)\(((?:\s*{_LITERAL}\s*,?)+)")
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w*\}|--[a-z-]+")

Key = tuple[str, str, str]  # context, text, plural; empty where there is none


@dataclass
class Entry:
    """What a catalogue says about one text. `comments` are its lines that begin with #."""

    parts: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.parts.get("msgctxt", ""), self.parts["msgid"], self.parts.get("msgid_plural", "")

    @property
    def translations(self) -> list[str]:
        return [text for name, text in self.parts.items() if name.startswith("msgstr")]

    @property
    def is_fuzzy(self) -> bool:
        return any(line.startswith("#,") and "fuzzy" in line for line in self.comments)


def templates() -> list[Path]:
    return sorted(path for path in (ROOT / "templates").rglob("*") if path.suffix in (".html", ".txt"))


def python_files() -> list[Path]:
    return list(files(*built(ROOMS)))


def used() -> dict[Key, str]:
    """Each text that code or a template asks for, and a file that does."""
    found: dict[Key, str] = {}
    for path in python_files():
        found |= dict.fromkeys(in_python(tree(path)), str(path.relative_to(ROOT)))
    for path in templates():
        found |= dict.fromkeys(in_template(path.read_text(encoding="utf-8")), str(path.relative_to(ROOT)))
    return found


def in_python(module: ast.AST) -> Iterator[Key]:
    """A text that is looked up, such as `gettext(role.name)`, is named elsewhere, by `gettext_noop`."""
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and (name := called(call)) in FUNCTIONS | {"_"}:
            texts = call.args[: _strings(name)]
            if not any(
                isinstance(each, ast.Name | ast.Attribute | ast.Subscript | ast.Call) for each in texts
            ):
                yield key_of(name, [ast.literal_eval(each) for each in texts])


def in_template(source: str) -> Iterator[Key]:
    for name, literals in _CALL.findall(templatize(source)):
        yield key_of(name, [ast.literal_eval(each) for each in re.findall(_LITERAL, literals)])


def called(call: ast.Call) -> str:
    """The plain name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def key_of(function: str, strings: list[str]) -> Key:
    """The texts among the arguments of a translating function."""
    base = function.removesuffix("_lazy").removesuffix("_noop")
    context = strings.pop(0) if "p" in base.removesuffix("gettext") else ""
    return context, strings[0], strings[1] if base.startswith("n") else ""


def _strings(function: str) -> int:
    """How many of the first arguments are texts."""
    prefix = function.partition("gettext")[0] if "gettext" in function else ""
    return 1 + len(prefix)


def catalogue(path: Path) -> dict[Key, Entry]:
    """A .po file, its header left out."""
    entries = [_entry(block) for block in path.read_text(encoding="utf-8").split("\n\n")]
    return {entry.key: entry for entry in entries if entry.parts.get("msgid")}


def _entry(block: str) -> Entry:
    entry, name = Entry(), ""
    for line in block.splitlines():
        if line.startswith("#"):
            entry.comments.append(line)
            continue
        keyword, _space, literal = line.rpartition(" ") if line.startswith('"') else line.partition(" ")
        if line.startswith('"'):
            entry.parts[name] += ast.literal_eval(line)
        elif literal:
            name = keyword
            entry.parts[name] = ast.literal_eval(literal)
    return entry


def compiled(path: Path) -> Mapping[str, str]:
    """A .mo file as it is read at run time: see the manual of GNU gettext, "The Format of GNU MO Files"."""
    data = path.read_bytes()
    _magic, _revision, count, texts, translations = struct.unpack_from("<5I", data)

    def strings(table: int) -> Iterator[str]:
        for index in range(count):
            length, offset = struct.unpack_from("<2I", data, table + 8 * index)
            yield data[offset : offset + length].decode()

    return {text: said for text, said in zip(strings(texts), strings(translations), strict=True) if text}


def expected(entry: Entry) -> tuple[str, str]:
    """What the compiled file should hold for an entry."""
    context, text, plural = entry.key
    whole = (f"{context}\x04" if context else "") + text + (f"\x00{plural}" if plural else "")
    return whole, "\x00".join(entry.translations)


def placeholders(text: str) -> list[str]:
    """What is filled in at run time, and options of commands."""
    return sorted(set(_PLACEHOLDER.findall(text)))


def literals(module: ast.Module) -> Iterator[ast.Constant]:
    """The string constants that no translating function gets and that are no docstrings."""
    spared: set[int] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and called(node) in FUNCTIONS | {"_"}:
            spared |= {id(each) for argument in node.args for each in ast.walk(argument)}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            spared.add(id(node.value))
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spared:
            yield node


def spoken_plainly(source: str) -> str:
    """What is left of a template's text without comments and without what is translated."""
    for pattern in (
        r"(?s)\{%\s*comment\b.*?%\}.*?\{%\s*endcomment\s*%\}",
        r"\{#.*?#\}",
        r"(?s)\{%\s*(blocktrans(?:late)?)\b.*?%\}.*?\{%\s*end\1\s*%\}",
        r"\{%\s*trans(?:late)?\b.*?%\}",
        r"""_\((?:"[^"]*"|'[^']*')\)""",
    ):
        source = re.sub(pattern, "", source)
    return source
