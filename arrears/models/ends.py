"""The end of a line, seen from here: for its law, which looks at rows of this room."""

from arrears.laws import NobodyUnheard
from catalog.models import Termination


class LawfulEnd(Termination):
    """A termination that hears the customer first."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [NobodyUnheard(name="termination_hears_first")]
