"""WeChat Pay's keys in the shapes people have them in."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from billing.gateways import rsa2, wechatpay_keys
from tests.gateways.keys import Pair
from tests.gateways.wechat_keys import PLATFORM, SERIAL, STRANGER, certificate


def test_a_certificate_is_known_by_its_serial_number() -> None:
    keys = wechatpay_keys.load_platform_keys(certificate())
    assert {serial: key.public_numbers() for serial, key in keys.items()} == {
        SERIAL: PLATFORM.public.public_numbers()
    }


def test_several_certificates_in_one_file() -> None:
    both = certificate() + "\n" + certificate(STRANGER, "0AB1")
    assert set(wechatpay_keys.load_platform_keys(both)) == {SERIAL, "AB1"}


def test_a_public_key_needs_its_id() -> None:
    keys = wechatpay_keys.load_platform_keys(PLATFORM.public_pem, "PUB_KEY_ID_01")
    assert list(keys) == ["PUB_KEY_ID_01"]
    with pytest.raises(rsa2.KeyUnusable, match="id"):
        wechatpay_keys.load_platform_keys(PLATFORM.public_pem)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "证书 BEGIN CERTIFICATE",
    ],
)
def test_what_is_no_certificate(text: str) -> None:
    with pytest.raises(rsa2.KeyUnusable):
        wechatpay_keys.load_platform_keys(text)


def test_a_short_key_is_refused() -> None:
    short = Pair(rsa.generate_private_key(public_exponent=65537, key_size=1024))
    with pytest.raises(rsa2.KeyUnusable):
        wechatpay_keys.load_platform_keys(certificate(short))


def test_a_key_of_another_kind_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    text = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(rsa2.KeyUnusable):
        wechatpay_keys.load_platform_keys(text, "PUB_KEY_ID_01")


def test_an_unusable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("nonsense")
    for path in (tmp_path / "c.pem", tmp_path / "absent.pem"):
        with pytest.raises(rsa2.KeyUnusable, match=path.name):
            wechatpay_keys.read_platform_keys(path)


@pytest.mark.parametrize("text", ["", "k" * 31, "k" * 33, "钥" * 32, "k" * 16])
def test_an_api_key_has_32_bytes_and_is_never_quoted(text: str) -> None:
    with pytest.raises(rsa2.KeyUnusable) as caught:
        wechatpay_keys.api_v3_key(text)
    assert not text or text not in str(caught.value)


def test_an_api_key() -> None:
    assert wechatpay_keys.api_v3_key("k" * 32) == b"k" * 32
