"""Laws of offers."""

import pgtrigger

from core.db import Law, refuse


class NeedsFlow(Law):
    """An offer whose type says no flow is not published: nobody would know how to carry its orders out."""

    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NEW.published_at IS NULL OR EXISTS (SELECT FROM catalog_producttype t WHERE t.id = NEW.type_id "
            f"AND t.flow <> '') THEN RETURN NEW; END IF; {refuse(name, 'published offers need an acceptance flow')}"
        )
        super().__init__(name=name, func=func)
