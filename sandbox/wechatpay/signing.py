"""WeChat Pay's side of the v3 signatures: verify the merchant, sign answers and notices, seal what notices carry."""

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox import courier, keys, web
from sandbox.config import Config

_SCHEME = "WECHATPAY2-SHA256-RSA2048"
_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')
_FRESH_SECONDS = 300


class Seals:
    """The stand-in's private key and its serial number, the merchant's public key, and the APIv3 key."""

    def __init__(self, config: Config) -> None:
        self._own = keys.private_key(config.keys, keys.PLATFORM)
        self._serial = f"{keys.certificate(config.keys).serial_number:040X}"
        self._merchant = keys.public_key(config.keys, "wechatpay_mch")
        self._cipher = AESGCM(keys.api_v3_key(config.keys))
        self._config = config

    def signed_at(self, request: web.Request) -> float | None:
        """When the merchant signed this request; None: it did not, or not within five minutes of now."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        given = dict(_PARAMETER.findall(rest))
        timestamp = given.get("timestamp", "")
        if scheme != _SCHEME or not re.fullmatch("[0-9]{1,10}", timestamp) or not self._is_his(given):
            return None
        target = request.path + (f"?{request.query}" if request.query else "")
        text = f"{request.method}\n{target}\n{timestamp}\n{given.get('nonce_str', '')}\n".encode()
        try:
            signature = base64.b64decode(given.get("signature", ""), validate=True)
            self._merchant.verify(signature, text + request.body + b"\n", PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return None
        return float(timestamp) if abs(time.time() - int(timestamp)) < _FRESH_SECONDS else None

    def answer(self, status: int, values: Mapping[str, object] | None) -> web.Answer:
        """A signed answer; None has no body."""
        body = b"" if values is None else _json(values)
        return web.Answer(body, "application/json; charset=utf-8", status, self._headers(body))

    def event(self, kind: str, summary: str, original: str, resource: Mapping[str, object], at: str) -> str:
        """A notice's body: the same on each send."""
        nonce = secrets.token_hex(6)
        sealed = self._cipher.encrypt(nonce.encode(), _json(resource), original.encode())
        values = {
            "id": f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-5{secrets.token_hex(10)}",
            "create_time": at,
            "resource_type": "encrypt-resource",
            "event_type": kind,
            "summary": summary,
            "resource": {
                "original_type": original,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(sealed).decode(),
                "associated_data": original,
                "nonce": nonce,
            },
        }
        return _json(values).decode()

    def write_notice(self, payload: Mapping[str, str]) -> courier.Letter:
        """One send of a notice, with a signature of its own; a probe's is wrong on purpose."""
        body = payload["body"].encode()
        headers = self._headers(body)
        if payload.get("probe"):
            headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
        return courier.Letter("application/json", body, headers)

    def _headers(self, body: bytes) -> dict[str, str]:
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        signature = self._own.sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n", PKCS1v15(), SHA256())
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self._serial,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Signature-Type": _SCHEME,
            "Request-ID": secrets.token_hex(16).upper(),
        }

    def _is_his(self, given: Mapping[str, str]) -> bool:
        wanted = (self._config.wechatpay_mch_id, self._config.wechatpay_mch_serial)
        return (given.get("mchid"), given.get("serial_no")) == wanted


def _json(values: Mapping[str, object]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
