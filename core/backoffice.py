"""What the staff pages of all rooms share; each part is at home in the module that it comes from."""

from core.columns import amount, badge, masked, moment
from core.editing import EditableAdmin, ReasonForm, SuperuserOnly
from core.filters import WhenFilter, known_values, typed
from core.masks import address as mask
from core.scopes import EVERYWHERE
from core.staff_pages import ReadOnlyAdmin, ReadOnlyInline, StaffAdmin, refuse

__all__ = [
    "EVERYWHERE",
    "EditableAdmin",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "ReasonForm",
    "StaffAdmin",
    "SuperuserOnly",
    "WhenFilter",
    "amount",
    "badge",
    "known_values",
    "mask",
    "masked",
    "moment",
    "refuse",
    "typed",
]
