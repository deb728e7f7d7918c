"""Keys made from the hall's secret one."""

from typing import Any

import pytest
from cryptography.fernet import InvalidToken

from core import ciphers

OLD, NEW = "an old key of the hall, long enough", "a new key of the hall, long enough"


def test_what_was_sealed_comes_back_and_is_not_in_it() -> None:
    sealed = ciphers.of("test.one").encrypt(b"482913")
    assert b"482913" not in sealed
    assert ciphers.of("test.one").decrypt(sealed) == b"482913"


def test_another_use_opens_nothing() -> None:
    sealed = ciphers.of("test.one").encrypt(b"482913")
    with pytest.raises(InvalidToken):
        ciphers.of("test.two").decrypt(sealed)


def test_a_new_key_opens_what_an_old_one_sealed_until_that_is_dropped(settings: Any) -> None:
    settings.SECRET_KEY = OLD
    sealed = ciphers.of("test.one").encrypt(b"482913")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert ciphers.of("test.one").decrypt(sealed) == b"482913"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(InvalidToken):
        ciphers.of("test.one").decrypt(sealed)


# Sealed with OLD in 2026.
SEALED = (
    b"gAAAAABrAq3eJ65kyqoHCn3pQYxNfufixt8jD8taJuclFJPDjVaxaQqnlvB721hV"
    b"bmu8gaTW2gY7o4OexV_vfsgc-p8dOdvbY1t_mVD6hAm90PQ3BF3ivRk="
)


def test_what_is_in_the_database_today_opens_tomorrow(settings: Any) -> None:
    """Sealed before this module was: the name and the way of a key never change."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    assert ciphers.of("accounts.second_factor").decrypt(SEALED) == b"JBSWY3DPEHPK3PXP"
