import pytest

from notices.sms_text import Encoding, size


@pytest.mark.parametrize(
    ("text", "encoding", "length", "parts"),
    [
        ("", Encoding.GSM, 0, 0),
        ("a" * 160, Encoding.GSM, 160, 1),
        ("a" * 161, Encoding.GSM, 161, 2),
        ("a" * 306, Encoding.GSM, 306, 2),
        ("a" * 307, Encoding.GSM, 307, 3),
        ("[" * 80, Encoding.GSM, 160, 1),
        ("[" * 81, Encoding.GSM, 162, 2),
        ("a" * 152 + "[" * 77, Encoding.GSM, 306, 3),  # the first part stays one short
        ("¥26.00", Encoding.GSM, 6, 1),
        ("账" * 70, Encoding.UCS2, 70, 1),
        ("账" * 71, Encoding.UCS2, 71, 2),
        ("账" * 134, Encoding.UCS2, 134, 2),
        ("账" * 135, Encoding.UCS2, 135, 3),
        ("a" * 69 + "账", Encoding.UCS2, 70, 1),
        ("a" * 70 + "账", Encoding.UCS2, 71, 2),
        ("\N{GRINNING FACE}" * 35, Encoding.UCS2, 70, 1),
        ("\N{GRINNING FACE}" * 36, Encoding.UCS2, 72, 2),
        ("账" * 66 + "\N{GRINNING FACE}" * 34, Encoding.UCS2, 134, 3),
    ],
)
def test_length_and_parts(text: str, encoding: Encoding, length: int, parts: int) -> None:
    found = size(text)
    assert (found.encoding, found.length, found.parts) == (encoding, length, parts)
