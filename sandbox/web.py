"""Requests, answers, routes and the look of the pages. All of it over the standard library."""

import re
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

_MAXIMUM_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `groups` are what the route's pattern caught."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    groups: tuple[str, ...] = ()

    def parameters(self) -> dict[str, str]:
        """The query as text."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


View = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A view for a method and a pattern that must match the whole path."""

    method: str
    pattern: str
    view: View


def redirect(url: str) -> Answer:
    """Send the browser on with a GET."""
    return Answer(b"", status=303, headers={"Location": url})


def dispatch(routes: Sequence[Route], request: Request) -> Answer:
    """The answer of the first route that fits; 404 or 405 without one."""
    found = False
    for route in routes:
        match = re.fullmatch(route.pattern, request.path)
        if match is None:
            continue
        found = True
        if route.method == request.method:
            groups = tuple(match.groups())
            return route.view(
                Request(request.method, request.path, request.query, request.headers, request.body, groups)
            )
    return page("没有这个页面 · Not found", "", status=405 if found else 404)


def server(host: str, port: int, routes: Sequence[Route]) -> ThreadingHTTPServer:
    """A server that is bound but does not serve yet. The OSError of a busy port names it."""

    class Handler(_Handler):
        pass

    Handler.routes = routes
    try:
        return _Server((host, port), Handler)
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from error


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    routes: Sequence[Route] = ()
    protocol_version = "HTTP/1.1"
    timeout = 30
    wbufsize = 65_536  # head and body leave together: else the body waits for the other side's delayed ACK
    server_version = "StandIn"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _MAXIMUM_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._write(Answer(b"", status=413))
            return
        path, _, query = self.path.partition("?")
        request = Request(self.command, path, query, dict(self.headers), self.rfile.read(int(length)))
        try:
            answer = dispatch(self.routes, request)
        except (ValueError, LookupError, sqlite3.Error) as error:
            print(f"{self.command} {path}: {error!r}", file=sys.stderr, flush=True)
            answer = page("出错了 · Error", f"<p>{escape(repr(error))}</p>", status=500)
        self._write(answer)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet: addresses hold signed parameters, and the hall's own log tells the story."""


_STYLE = """
:root{--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--ground:#f3f5f8;--card:#fff;--brand:#1366ec;--warn:#fff4d6;
--warn-ink:#6b4a00;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf2;--soft:#a3adba;--line:#323b47;--ground:#12161c;--card:#1b212a;
--brand:#5b97ff;--warn:#3d3112;--warn-ink:#ffdf8f}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.6 system-ui,-apple-system,"PingFang SC","Noto Sans SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif}
.banner{background:var(--warn);color:var(--warn-ink);padding:.6rem 1rem;text-align:center;font-weight:600}
main{max-width:30rem;margin:1.5rem auto;padding:0 1rem}main.wide{max-width:64rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.5rem;margin-bottom:1rem}
h1{font-size:1.25rem;margin:0 0 .75rem}small,.soft{color:var(--soft)}
.amount{font-size:2.5rem;font-weight:700;font-variant-numeric:tabular-nums;margin:.25rem 0 1rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.35rem 1rem;margin:0 0 1rem}dt{color:var(--soft)}
dd{margin:0;text-align:right;overflow-wrap:anywhere}
button,.button{display:block;width:100%;min-height:48px;margin-top:.75rem;border:1px solid var(--line);
border-radius:10px;background:transparent;color:inherit;font:inherit;cursor:pointer;text-align:center;
line-height:46px;text-decoration:none}
button.main{background:var(--brand);border-color:var(--brand);color:#fff;font-weight:600}
@media(prefers-color-scheme:dark){button.main{color:#0b1220}}
button:focus-visible,a:focus-visible,input:focus-visible,summary:focus-visible{outline:3px solid var(--brand);
outline-offset:2px}
details{margin-top:1.25rem;border-top:1px solid var(--line);padding-top:.75rem}summary{cursor:pointer;min-height:32px}
label{display:flex;gap:.6rem;align-items:center;min-height:40px}input[type=number],input[type=search]{font:inherit;
padding:.4rem .6rem;border:1px solid var(--line);border-radius:8px;background:var(--ground);color:inherit}
input[type=number]{width:5.5rem}a{color:var(--brand)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;
padding:.5rem .75rem .5rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--soft);font-weight:500;white-space:nowrap}.row{display:flex;gap:.5rem;flex-wrap:wrap;align-items:center}
.row button{width:auto;margin:0;padding:0 1rem;min-height:40px;line-height:38px}
@media(max-width:36rem){.card{padding:1.1rem}dd{font-size:.9rem}.row input{flex:1;min-width:0}
table,tbody,tr,td{display:block}tr:first-child{display:none}tr{border-bottom:1px solid var(--line);padding:.75rem 0}
td{border:0;padding:0}}
"""


def page(
    title: str, body: str, *, banner: str = "", head: str = "", wide: bool = False, status: int = 200
) -> Answer:
    """A whole HTML page around `body` (trusted markup; `title` and `banner` are escaped here)."""
    strip = f'<div class="banner" role="note">{escape(banner)}</div>' if banner else ""
    document = (
        '<!doctype html><html lang="zh-Hans"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"{head}<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{strip}"
        f'<main class="{"wide" if wide else ""}"><div class="card"><h1>{escape(title)}</h1>{body}</div></main>'
        "</body></html>"
    )
    return Answer(document.encode(), status=status)
