"""Puts the stand-ins together: one store, one courier, one server."""

import threading
from collections.abc import Mapping

from sandbox import courier, keys, web
from sandbox.alipay import trades
from sandbox.alipay.cashier import Cashier
from sandbox.alipay.gateway import AlipayGateway
from sandbox.alipay.signing import Signer
from sandbox.config import Config
from sandbox.debit.book import Book
from sandbox.debit.gateway import DebitGateway
from sandbox.debit.pages import DebitPages
from sandbox.debit.seals import Seal
from sandbox.mail import letters
from sandbox.mail.views import MailViews
from sandbox.provisioning.book import Book as ProvisioningBook
from sandbox.provisioning.views import ProvisioningViews
from sandbox.sms import messages
from sandbox.sms.views import SmsViews
from sandbox.store import Store
from sandbox.wechatpay import notices, orders
from sandbox.wechatpay.gateway import WechatGateway
from sandbox.wechatpay.pages import WechatPages
from sandbox.wechatpay.signing import Seals

_INDEX = """
<ul><li><a href="/sms/">短信</a> <span class="soft">· what the hall sent by SMS</span></li>
<li><a href="/mail/">邮件</a> <span class="soft">· what the hall sent by e-mail</span></li>
<li><a href="/alipay/">支付宝交易</a> <span class="soft">· trades and their notices</span></li>
<li><a href="/wechatpay/">微信支付订单</a> <span class="soft">· orders, scanned here without a phone</span></li>
<li><a href="/debit/">银行代扣协议</a> <span class="soft">· agreements and debits</span></li>
<li><a href="/provisioning/">开通指令</a> <span class="soft">· cards and lines switched on and off</span></li></ul>
<p class="soft">仅用于开发和测试。 For development and tests only.</p>"""


class Sandbox:
    """A running set of stand-ins. `start`, and `stop` once."""

    def __init__(self, config: Config) -> None:
        keys.ensure(config.keys)
        self._store = Store(config.state)
        signer = Signer(config.keys)
        self._trades = trades.Trades(self._store, signer, config)
        self._seals = Seals(config)
        self._orders = orders.Orders(self._store, notices.Notices(self._store, self._seals, config), config)
        self._messages = messages.Messages(self._store, config)
        self._letters = letters.Letters(self._store, config)
        self._courier = courier.Courier(self._store, self._channels(), self._sweep)
        self._server = web.server(config.host, config.port, self._routes(signer, config))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="server", daemon=True
        )
        self.url = f"http://{config.host}:{self._server.server_address[1]}"

    def start(self) -> None:
        """Serve and deliver from now on."""
        self._courier.start()
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests, finish what is being sent, write the state down."""
        self._server.shutdown()
        self._server.server_close()
        self._courier.stop()
        self._store.close()

    def _sweep(self) -> None:
        self._trades.expire()
        self._orders.sweep()

    def _channels(self) -> Mapping[str, courier.Channel]:
        def write_notice(payload: Mapping[str, str]) -> courier.Letter:
            form = self._trades.write_notice(dict(payload))
            return courier.Letter(
                f"application/x-www-form-urlencoded; charset={payload['charset']}", form, {}
            )

        return {
            trades.KIND: courier.Channel(
                write_notice, lambda status, body: status == 200 and body == b"success"
            ),
            notices.KIND: courier.Channel(self._seals.write_notice, lambda status, body: 200 <= status < 300),
            messages.KIND: courier.Channel(
                self._messages.write_receipt, lambda status, body: 200 <= status < 300
            ),
            letters.KIND: courier.Channel(
                self._letters.write_report, lambda status, body: 200 <= status < 300
            ),
        }

    def _routes(self, signer: Signer, config: Config) -> list[web.Route]:
        gateway = AlipayGateway(self._trades, signer, config)
        cashier = Cashier(self._trades, signer, config)
        wechat = WechatGateway(self._orders, self._seals, config)
        scans = WechatPages(self._orders)
        sms = SmsViews(self._messages, config)
        mail = MailViews(self._letters)

        def poking(view: web.View) -> web.View:
            def poked(request: web.Request) -> web.Answer:
                answer = view(request)
                self._courier.poke()
                return answer

            return poked

        return [
            web.Route("GET", "/", lambda request: web.page("模拟外部系统 · Stand-ins", _INDEX)),
            web.Route("GET", "/healthz", lambda request: web.Answer(b"ok", "text/plain")),
            web.Route("GET", "/alipay/gateway.do", poking(gateway.view)),
            web.Route("POST", "/alipay/gateway.do", poking(gateway.view)),
            web.Route("GET", "/alipay/cashier/([0-9a-f]+)", cashier.show),
            web.Route("POST", "/alipay/cashier/([0-9a-f]+)", poking(cashier.press)),
            web.Route("GET", "/alipay/", cashier.trades_page),
            web.Route("GET", "/alipay/api/trades", cashier.trades_json),
            web.Route("POST", "/v3/pay/transactions/native", wechat.create),
            web.Route("GET", "/v3/pay/transactions/out-trade-no/([^/]+)", wechat.query),
            web.Route("GET", "/v3/pay/transactions/id/([^/]+)", wechat.query_by_id),
            web.Route("POST", "/v3/pay/transactions/out-trade-no/([^/]+)/close", wechat.close),
            web.Route("POST", "/v3/refund/domestic/refunds", poking(wechat.refund)),
            web.Route("GET", "/v3/refund/domestic/refunds/([^/]+)", wechat.query_refund),
            web.Route("GET", "/wechatpay/", scans.orders_page),
            web.Route("GET", "/wechatpay/scan/", scans.scan),
            web.Route("GET", "/wechatpay/scan/([0-9a-zA-Z]+)", scans.show),
            web.Route("POST", "/wechatpay/scan/([0-9a-zA-Z]+)", poking(scans.press)),
            web.Route("GET", "/wechatpay/api/orders", scans.order_json),
            *self._debit_routes(config),
            *self._provisioning_routes(config),
            web.Route("POST", "/sms/send", poking(sms.send)),
            web.Route("POST", "/sms/batch", poking(sms.send_many)),
            web.Route("POST", "/sms/receipts", sms.receipts),
            web.Route("POST", "/sms/chaos", sms.set_chaos),
            web.Route("POST", "/mail/send", poking(mail.send)),
            web.Route("GET", "/mail/", mail.page),
            web.Route("GET", "/mail/([0-9a-f]{16})", mail.letter),
            web.Route("GET", "/mail/([0-9a-f]{16})/([0-9]{1,3})", mail.attachment),
            web.Route("GET", "/mail/api/letters", mail.letters_json),
            web.Route("GET", "/sms/", sms.page),
            web.Route("GET", "/sms/api/messages", sms.messages_json),
        ]

    def _debit_routes(self, config: Config) -> list[web.Route]:
        book = Book(self._store)
        gateway = DebitGateway(book, Seal(config.debit_secret, config.debit_merchant_id))
        pages = DebitPages(book)
        return [
            web.Route("POST", "/debit/agreements", gateway.propose),
            web.Route("POST", "/debit/agreements/query", gateway.query_agreement),
            web.Route("POST", "/debit/agreements/end", gateway.end_agreement),
            web.Route("POST", "/debit/debits", gateway.debit),
            web.Route("POST", "/debit/debits/query", gateway.query),
            web.Route("POST", "/debit/debits/close", gateway.close),
            web.Route("POST", "/debit/refunds", gateway.refund),
            web.Route("POST", "/debit/refunds/query", gateway.query_refund),
            web.Route("GET", "/debit/", pages.overview),
            web.Route("GET", "/debit/sign/([0-9a-f]{24})", pages.show),
            web.Route("POST", "/debit/sign/([0-9a-f]{24})", pages.press),
            web.Route("GET", "/debit/api/agreements", pages.as_json),
        ]

    def _provisioning_routes(self, config: Config) -> list[web.Route]:
        seal = Seal(config.provisioning_secret, config.provisioning_name)
        views = ProvisioningViews(ProvisioningBook(self._store), seal)
        return [
            web.Route("POST", "/provisioning/commands", views.command),
            web.Route("GET", "/provisioning/", views.page),
            web.Route("POST", "/provisioning/", views.press),
            web.Route("GET", "/provisioning/api/commands", views.as_json),
        ]
