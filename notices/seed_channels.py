"""One text for every channel: an SMS begins with who speaks, an e-mail with a greeting. `notices.seeds` uses it."""

from collections.abc import Iterable

Told = tuple[str, str, str, str, str]  # code, title and text in Chinese, title and text in English
Seed = tuple[str, str, str, str, str]  # channel, code, language, title, text
_SPEAKER = {"zh-hans": "【网上营业厅】", "en": "[Online Hall] "}
_MAIL = {
    "zh-hans": "您好：\n\n{}\n\n本邮件由系统发出，请勿回复。",
    "en": "Hello,\n\n{}\n\nThis mail was sent automatically. Please do not reply.",
}


def everywhere(told: Iterable[Told]) -> list[Seed]:
    """The texts as SMS, as e-mail and for the inbox of the hall, in both languages."""
    seeds: list[Seed] = []
    for code, chinese_title, chinese, english_title, english in told:
        for language, title, text in (("zh-hans", chinese_title, chinese), ("en", english_title, english)):
            seeds += [
                ("SMS", code, language, "", _SPEAKER[language] + text),
                ("EMAIL", code, language, title, _MAIL[language].format(text)),
                ("INBOX", code, language, title, text),
            ]
    return seeds
