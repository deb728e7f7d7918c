"""Both directions against an independent implementation of Alipay's signature, python-alipay-sdk."""

import json
from urllib.parse import parse_qsl, urlsplit

from alipay import AliPay
from hypothesis import given
from hypothesis import strategies as st

from billing.gateways.base import ReportStatus
from tests.gateways.keys import ALIPAY, APP_ID, MERCHANT, Pair, charge, encode, gateway, notice, signed

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


def peer(own: Pair, other: Pair) -> AliPay:
    return AliPay(
        appid=APP_ID, app_private_key_string=own.private_pem, alipay_public_key_string=other.public_pem
    )


MERCHANT_PEER = peer(MERCHANT, ALIPAY)
ALIPAY_PEER = peer(ALIPAY, MERCHANT)


@given(subject=texts, body=texts, passback=texts)
def test_a_notice_that_the_peer_signs_is_believed(subject: str, body: str, passback: str) -> None:
    fields = notice(subject=subject, body=body, passback_params=passback)
    form = f"{ALIPAY_PEER.sign_data(dict(fields))}&sign_type=RSA2".encode()
    assert gateway().parse_callback({}, form).status is ReportStatus.SUCCEEDED


@given(subject=texts)
def test_a_notice_as_these_tests_sign_it_is_believed_by_the_peer(subject: str) -> None:
    sent = dict(parse_qsl(signed(notice(subject=subject)).decode(), keep_blank_values=True))
    assert MERCHANT_PEER.verify(sent, sent.pop("sign"))


@given(subject=texts, amount=st.integers(1, 10_000_000_000))
def test_the_peer_believes_what_we_sign(subject: str, amount: int) -> None:
    url = gateway().create(charge(subject=subject, amount_cents=amount)).url
    sent = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))
    sign = sent.pop("sign")
    assert ALIPAY_PEER._verify("&".join(f"{name}={sent[name]}" for name in sorted(sent)), sign)
    content = json.loads(sent["biz_content"])
    assert content["total_amount"] == f"{amount // 100}.{amount % 100:02d}"
    assert not set(content["subject"]) & set("/=&\n\x00")


def test_the_peer_does_not_believe_a_changed_request() -> None:
    sent = dict(parse_qsl(urlsplit(gateway().create(charge()).url).query))
    sign = sent.pop("sign")
    sent["biz_content"] = sent["biz_content"].replace("26.00", "0.01")
    assert not ALIPAY_PEER._verify("&".join(f"{name}={sent[name]}" for name in sorted(sent)), sign)


@given(message=texts)
def test_an_answer_that_the_peer_signs_is_believed(message: str) -> None:
    values = {
        "code": "10000",
        "msg": message,
        "out_trade_no": "P1",
        "trade_no": "T1",
        "total_amount": "26.00",
    }
    values |= {"trade_status": "TRADE_SUCCESS", "buyer_logon_id": 'a{b}"c\\'}
    inner = json.dumps(values, ensure_ascii=False)
    sign = ALIPAY_PEER._sign(inner)
    answer = f'{{"alipay_trade_query_response":{inner},"sign":"{sign}"}}'.encode()
    report = gateway(post=lambda url, form: answer).query("P1")
    assert (report.amount_cents, report.status) == (2600, ReportStatus.SUCCEEDED)


def test_encode_is_the_form_that_alipay_sends() -> None:
    assert encode({"a": "1 +&=%测"}) == b"a=1+%2B%26%3D%25%E6%B5%8B"
