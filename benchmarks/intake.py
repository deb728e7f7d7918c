"""Callbacks over HTTP against a bare view with one ORM INSERT of the same body, on the same server and database."""

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import load, processes, state
from benchmarks.harness import Pair, Sheet, in_turn, rate
from sandbox.config import Config
from sandbox.wechatpay import notices
from sandbox.wechatpay.signing import Seals

REQUESTS = 4_000
BARE = "/bench/bare-insert/"
WECHAT = "/payments/callbacks/wechatpay/"


def measured(messages: Sequence[bytes], bare: bytes) -> Pair:
    """Requests per second: `messages` over and over, and the bare view's `bare`."""
    with processes.web({}) as port:
        return in_turn(
            lambda: rate(REQUESTS, lambda: _all_accepted(port, itertools.cycle(messages))),
            lambda: rate(REQUESTS, lambda: _all_accepted(port, itertools.repeat(bare))),
        )


def wechat_intake(sheet: Sheet) -> None:
    """Notices of WeChat Pay, each signed and sealed for a payment that waits for it."""
    config = _config()
    seals = Seals(config)
    letters = [_letter(seals, config, reference) for reference in state.payments(1_000, gateway="wechatpay")]
    bare = load.request(BARE, letters[0][1], content_type="application/json")
    messages = [
        load.request(WECHAT, body, content_type="application/json", headers=headers)
        for headers, body in letters
    ]
    pair = measured(messages, bare)
    sheet.at_least("wechat_intake_vs_bare_insert", pair.ratio, 0.5, pair.note)


def _letter(seals: Seals, config: Config, reference: str) -> tuple[dict[str, str], bytes]:
    """A notice of success as the stand-in of WeChat Pay sends it now: good for five minutes."""
    paid_at = notices.beijing(1_795_000_000)
    values = {
        "appid": config.wechatpay_app_id,
        "mchid": config.wechatpay_mch_id,
        "out_trade_no": reference,
        "transaction_id": f"4200{reference}",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": "",
        "success_time": paid_at,
        "payer": {"openid": "oBENCH000000000000000000001"},
        "amount": {
            "total": state.BILL_CENTS,
            "payer_total": state.BILL_CENTS,
            "currency": "CNY",
            "payer_currency": "CNY",
        },
    }
    body = seals.event("TRANSACTION.SUCCESS", "支付成功", "transaction", values, paid_at)
    letter = seals.write_notice({"body": body})
    return dict(letter.headers), letter.body


def _config() -> Config:
    return Config(
        keys=Path(os.environ["BENCH_KEYS"]),
        wechatpay_app_id=os.environ["WECHATPAY_APP_ID"],
        wechatpay_mch_id=os.environ["WECHATPAY_MCH_ID"],
        wechatpay_mch_serial=os.environ["WECHATPAY_MCH_SERIAL"],
    )


def _all_accepted(port: int, requests: Iterator[bytes]) -> None:
    answers = load.closed_loop(port, requests, count=REQUESTS)
    if answers.accepted != REQUESTS:
        raise RuntimeError(f"{answers.accepted} of {REQUESTS} answers were accepted")
