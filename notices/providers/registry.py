"""Which provider serves a channel. A new one is a module beside the others and a line here."""

from notices.models import Channel
from notices.providers.base import Provider
from notices.providers.email import Email
from notices.providers.sms_http import SmsGateway

_BY_CHANNEL: dict[str, Provider] = {Channel.SMS: SmsGateway(), Channel.EMAIL: Email()}


def for_channel(channel: str) -> Provider:
    return _BY_CHANNEL[channel]
