"""Rooms use only the rooms below them: in imports, and in foreign keys, which are named by strings."""

import pytest
from django.apps import apps
from django.db.models import ForeignObject, ManyToManyField

from tests.architecture.sources import APART, ROOMS, ROOT, built, files, imported


@pytest.mark.parametrize("room", built(ROOMS))
def test_a_room_imports_only_what_is_below_it(room: str) -> None:
    above = {*ROOMS[ROOMS.index(room) + 1 :], *APART, "tests"}
    found = {str(path.relative_to(ROOT)): above & imported(path) for path in files(room)}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("folder", built(APART))
def test_what_stands_apart_imports_no_room(folder: str) -> None:
    others = {*ROOMS, *APART, "django"} - {folder}
    found = {str(path.relative_to(ROOT)): others & imported(path) for path in files(folder)}
    assert {path: names for path, names in found.items() if names} == {}


def test_foreign_keys_point_down() -> None:
    wrong = [
        f"{model._meta.label}.{field.name} → {field.related_model._meta.label}"
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in ROOMS
        for field in model._meta.get_fields()
        if isinstance(field, (ForeignObject, ManyToManyField))
        if _above(model._meta.app_label, field.related_model._meta.app_label)
    ]
    assert wrong == []


def _above(room: str, other: str) -> bool:
    return other in ROOMS and ROOMS.index(other) > ROOMS.index(room)


def test_every_app_of_ours_is_a_room() -> None:
    ours = {config.name for config in apps.get_app_configs() if (ROOT / config.name.split(".")[0]).is_dir()}
    assert ours <= set(ROOMS)


def test_decisions_touch_nothing() -> None:
    """rules.py: no ORM, no clock, no settings, no network."""
    forbidden = {"django", "celery", "redis", "requests", "urllib", "socket", "time"}
    found = {
        str(path.relative_to(ROOT)): names
        for path in files(*built(ROOMS))
        if path.name == "rules.py" and (names := forbidden & imported(path))
    }
    assert found == {}
