"""The proxy's configuration, tried with a real nginx in front of a little server that tells what it was asked."""

import gzip
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from runtime import ports, processes
from runtime.venv import ROOT
from tests.runtime.certificates import self_signed

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
HOST = "hall.example.com"
TEMPLATE = (ROOT / "deploy/nginx/hall.conf.template").read_text(encoding="utf-8")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")


def test_every_name_of_the_template_is_given_by_compose() -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name in set(re.findall(r"\$\{(HALL_\w+)\}", TEMPLATE)):
        assert f"      {name}:" in compose, name


def test_the_figures_are_closed_and_the_doors_are_narrow() -> None:
    assert "location = /metrics { return 404; }" in TEMPLATE
    assert re.search(r"location ~ \^/\(account\|admin\|api\)/ \{\s+limit_req zone=doors", TEMPLATE)
    assert "proxy_next_upstream off;" in (ROOT / "deploy/nginx/proxy.conf").read_text(encoding="utf-8")


class Told(BaseHTTPRequestHandler):
    """Answers with what reached it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(
            {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_args: Any) -> None:
        return


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


@dataclass
class Proxy:
    folder: Path
    http_port: int
    https_port: int

    def plain(self, path: str) -> Answer:
        return _ask(http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10), "GET", path, {})

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, sent: dict[str, str] | None = None
    ) -> Answer:
        context = ssl.create_default_context(cafile=str(self.folder / "tls_certificate"))
        connection = http.client.HTTPSConnection(HOST, self.https_port, timeout=10, context=context)
        connection._create_connection = lambda *_args: _to_loopback(self.https_port)  # type: ignore[attr-defined]
        return _ask(connection, method, path, {"Host": HOST, **(sent or {})}, body)

    @property
    def log(self) -> str:
        return (self.folder / "access.log").read_text(encoding="utf-8")


def _to_loopback(port: int) -> Any:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def _ask(
    connection: Any, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> Answer:
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    web = ThreadingHTTPServer(("127.0.0.1", 0), Told)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    proxy = Proxy(folder, *(ports.choose(None, frozenset()) for _ in range(2)))
    while proxy.https_port == proxy.http_port:
        proxy.https_port = ports.choose(None, frozenset({proxy.http_port}))
    command = _configure(proxy, web.server_port)
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert processes.wait_until(lambda: _answers(proxy), 20)
        yield proxy
    finally:
        process.terminate()
        process.wait(20)
        web.shutdown()


def _answers(proxy: Proxy) -> bool:
    try:
        return proxy.plain("/healthz").status == 200
    except OSError:
        return False


def _configure(proxy: Proxy, web_port: int) -> list[str]:
    """As the container does it: names filled in, everything that is written goes into one folder."""
    folder = proxy.folder
    certificate, key = self_signed(HOST)
    (folder / "tls_certificate").write_bytes(certificate)
    (folder / "tls_key").write_bytes(key)
    static = folder / "static"
    static.mkdir()
    (static / "site.css").write_text("body{}" * 300, encoding="utf-8")
    (static / "site.css.gz").write_bytes(gzip.compress(b"body{}" * 300))
    shutil.copy(ROOT / "deploy/nginx/proxy.conf", folder / "proxy.conf")
    values = {
        "HALL_HOST": HOST,
        "HALL_WEB": f"127.0.0.1:{web_port}",
        "HALL_HTTP_PORT": f"127.0.0.1:{proxy.http_port}",
        "HALL_HTTPS_PORT": f"127.0.0.1:{proxy.https_port}",
        "HALL_MOST_UPLOADED": "27m",
        "HALL_PROXY_CONF": str(folder / "proxy.conf"),
    }
    text = re.sub(r"\$\{(HALL_\w+)\}", lambda found: values[found.group(1)], TEMPLATE)
    text = text.replace("/run/secrets/", f"{folder}/").replace("alias /static/", f"alias {static}/")
    text = text.replace("/dev/stdout", f"{folder}/access.log").replace("/dev/stderr", f"{folder}/error.log")
    text = _as_this_nginx_wants(text)
    (folder / "hall.conf").write_text(text, encoding="utf-8")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""  # the folder is the tester's
    main = (
        f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}} http {{ {temporary} "
    )
    (folder / "nginx.conf").write_text(f"{main} include {folder}/hall.conf; }}\n", encoding="utf-8")
    return [str(NGINX), "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]


def _as_this_nginx_wants(text: str) -> str:
    """`http2 on;` is understood since 1.25."""
    version = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/1\.(\d+)", version)
    return text if found and int(found.group(1)) >= 25 else text.replace("http2 on;", "")


@needs_nginx
def test_plain_http_is_sent_to_tls(proxy: Proxy) -> None:
    answer = proxy.plain("/bills/?page=2")
    assert (answer.status, answer.headers["location"]) == (308, f"https://{HOST}/bills/?page=2")


@needs_nginx
def test_the_hall_learns_the_callers_address_and_nothing_that_he_made_up(proxy: Proxy) -> None:
    lies = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example.com",
    }
    headers = proxy.ask("/", sent=lies).told["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["host"] == HOST
    assert not {"x-real-ip", "forwarded", "x-forwarded-host"} & set(headers)


@needs_nginx
@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/metrics?x=1"])
def test_figures_are_not_for_strangers(proxy: Proxy, path: str) -> None:
    assert proxy.ask(path).status == 404


@needs_nginx
def test_another_host_gets_no_handshake(proxy: Proxy) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", proxy.https_port, timeout=10, context=context)
    with pytest.raises(ssl.SSLError):
        connection.request("GET", "/")


@needs_nginx
def test_static_files_come_compressed_and_for_a_year(proxy: Proxy) -> None:
    answer = proxy.ask("/static/site.css", sent={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"].endswith("public, immutable")
    assert proxy.ask("/static/../nginx.conf").told["headers"]  # no file: the hall was asked
    assert proxy.ask("/static/none.css").status == 404


@needs_nginx
def test_what_is_too_large_is_turned_away(proxy: Proxy) -> None:
    assert proxy.ask("/disputes/", method="POST", body=b"x" * 26_300_000).status == 200
    assert proxy.ask("/disputes/", method="POST", body=b"x" * 28_400_000).status == 413
    assert proxy.ask("/payments/callbacks/alipay/", method="POST", body=b"x" * 70_000).status == 413


@needs_nginx
def test_the_log_holds_no_secret_of_a_link(proxy: Proxy) -> None:
    proxy.ask("/pay-links/a-very-secret-token/?code=123456")
    assert processes.wait_until(lambda: "/pay-links/... " in proxy.log, 5)
    assert "secret" not in proxy.log
    assert "123456" not in proxy.log


@needs_nginx
def test_whoever_guesses_at_the_door_is_slowed_down_and_gateways_are_not(proxy: Proxy) -> None:
    answers = [proxy.ask("/payments/callbacks/alipay/", method="POST", body=b"x").status for _ in range(60)]
    assert set(answers) == {200}
    answers = [proxy.ask("/account/login/", method="POST", body=b"x").status for _ in range(60)]
    assert answers[0] == 200
    assert answers.count(429) > 10
