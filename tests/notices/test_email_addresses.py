import pytest

from notices import email_addresses
from notices.email_addresses import BadEmail


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("wang@example.com", "wang@example.com"),
        ("  Wang.Li+Bill@Example.COM ", "wang.li+bill@example.com"),
        ("ｗａｎｇ＠ｅｘａｍｐｌｅ．ｃｏｍ", "wang@example.com"),
        ("wang＠example。com", "wang@example.com"),
        ("10001@qq.com", "10001@qq.com"),
        ("wang@例子.中国", "wang@xn--fsqu00a.xn--fiqs8s"),
        ("wang@münchen.de", "wang@xn--mnchen-3ya.de"),
        ("a@" + "b" * 63 + ".cn", "a@" + "b" * 63 + ".cn"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_what_is_kept_of_an_address(typed: str, kept: str) -> None:
    assert email_addresses.clean(typed) == kept
    assert email_addresses.clean(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "wang",
        "@example.com",
        "wang@",
        "wang@example",
        "wang@localhost",
        "wang@@example.com",
        "a@b@example.com",
        "wang@example..com",
        ".wang@example.com",
        "wang.@example.com",
        "wa..ng@example.com",
        "wang@-example.com",
        "wang@example-.com",
        "wang@example.c",
        "wang@127.0.0.1",
        "wang@[127.0.0.1]",
        '"wang li"@example.com',
        "wang li@example.com",
        "王@example.com",
        "wang@example.com\r\nBcc: all@example.com",
        "wang@example.com\nBcc: all@example.com",
        "wang\r\n@example.com",
        "wang@exam\rple.com",
        "wang@example.com\x0bx",
        "wang@example.com\u2028x",
        "wang\u202e@example.com",
        "wang\u200b@example.com",
        "wang@example.com\0",
        "wang@example.com,li@example.com",
        "wang@example.com;li@example.com",
        "<wang@example.com>",
        "Wang <wang@example.com>",
        "wang@example.com%0aBcc:x@example.com",
        "=?utf-8?q?wang?=@example.com>",
        "a" * 65 + "@example.com",
        "a@" + "b" * 64 + ".cn",
        "a@" + ".".join(["b" * 63] * 4) + ".cn",
        "wang@" + "例" * 80 + ".cn",
        "wang@例\u200b子.中国\r\n",
    ],
)
def test_what_is_refused(typed: str) -> None:
    with pytest.raises(BadEmail):
        email_addresses.clean(typed)


def test_shown_as_its_owner_writes_it_and_masked() -> None:
    address = email_addresses.clean("wang@例子.中国")
    assert email_addresses.readable(address) == "wang@例子.中国"
    assert email_addresses.mask(address) == "w***@例子.中国"
    assert email_addresses.mask("wang@example.com") == "w***@example.com"
    assert email_addresses.readable("wang@xn--\udcff.cn") == "wang@xn--\udcff.cn"
