"""RSA2 from Alipay's side: verify the merchant, sign answers, notices and returns."""

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox import keys

_CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}


class Signer:
    """The stand-in Alipay's private key and the merchant's public key."""

    def __init__(self, folder: Path) -> None:
        self._own = keys.private_key(folder, "alipay")
        self._merchant = keys.public_key(folder, "app")

    def is_merchants(self, params: Mapping[str, str]) -> bool:
        """Whether the merchant signed these request parameters: all that are not empty, but `sign`."""
        text = _joined({name: value for name, value in params.items() if value and name != "sign"})
        try:
            signature = base64.b64decode(params.get("sign", ""), validate=True)
            self._merchant.verify(
                signature, text.encode(_codec(params.get("charset", ""))), PKCS1v15(), SHA256()
            )
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    def form(self, fields: Mapping[str, str]) -> str:
        """A signed form in the charset that it names itself."""
        codec = _codec(fields["charset"])
        sent = {**fields, "sign": self._sign(_joined(fields).encode(codec)), "sign_type": "RSA2"}
        return "&".join(f"{name}={quote_plus(value.encode(codec))}" for name, value in sent.items())

    def answer(self, name: str, values: Mapping[str, str], charset: str) -> bytes:
        """A signed JSON answer: the signature covers the inner object's characters exactly as sent."""
        codec = _codec(charset)
        inner = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        return f'{{"{name}":{inner},"sign":"{self._sign(inner.encode(codec))}"}}'.encode(codec)

    def _sign(self, content: bytes) -> str:
        return base64.b64encode(self._own.sign(content, PKCS1v15(), SHA256())).decode()


def read_parameters(query: str, body: bytes) -> dict[str, str]:
    """The parameters of a request, whether sent in the address, in the form, or in both."""
    joined = "&".join(part for part in (query, body.decode("ascii", "replace")) if part)
    charset = dict(parse_qsl(joined)).get("charset", "")
    return dict(parse_qsl(joined, keep_blank_values=True, encoding=_codec(charset), errors="replace"))


def _joined(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields))


def _codec(charset: str) -> str:
    return _CHARSETS.get(charset.lower(), "utf-8")
