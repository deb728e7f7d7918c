"""Laws of offers and prices: what is published changes only by a new version, or by a new offer."""

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


class KeepsFlow(Law):
    """A type that something published belongs to keeps a flow, and its terminals their way of being counted."""

    operation = pgtrigger.Update

    def __init__(self, *, name: str) -> None:
        func = (
            "IF (NEW.flow <> '' AND NEW.is_per_terminal = OLD.is_per_terminal) OR NOT EXISTS "
            "(SELECT FROM catalog_offer o WHERE o.type_id = NEW.id AND o.published_at IS NOT NULL) "
            f"THEN RETURN NEW; END IF; {refuse(name, 'published offers of it need its flow and way of counting')}"
        )
        super().__init__(name=name, func=func)


class FixedOncePublished(Law):
    """Of a published row these columns keep their values; what is only announced may become a draft again."""

    operation = pgtrigger.Update

    def __init__(self, *, name: str, columns: tuple[str, ...]) -> None:
        self.columns = columns
        same = " AND ".join(f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in columns)
        taken_back = "NEW.published_at IS NULL AND OLD.published_at > now()"
        func = (
            "IF OLD.published_at IS NULL OR "
            f"({same} AND (NEW.published_at IS NOT DISTINCT FROM OLD.published_at OR {taken_back})) "
            f"THEN RETURN NEW; END IF; {refuse(name, 'what is published changes only by a new version')}"
        )
        super().__init__(name=name, func=func)


class TakenBackBeforeItBegins(Law):
    """A price is taken back before its first day or while its offer is a draft, and then for ever."""

    operation = pgtrigger.Update

    def __init__(self, *, name: str) -> None:
        draft = "EXISTS (SELECT FROM catalog_offer o WHERE o.id = NEW.offer_id AND o.published_at IS NULL)"
        before = "(NEW.withdrawn_at AT TIME ZONE 'Asia/Shanghai')::date < NEW.active_from"
        func = (
            "IF NEW.withdrawn_at IS NOT DISTINCT FROM OLD.withdrawn_at OR (OLD.withdrawn_at IS NULL "
            f"AND ({before} OR {draft})) THEN RETURN NEW; END IF; "
            + refuse(name, "a price that has begun is not taken back")
        )
        super().__init__(name=name, func=func)


_SET = "what a published rule is about never changes"


class SetOncePublished(Law):
    """The rows that say what a published rule is about are neither added to nor taken from."""

    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def __init__(self, *, name: str) -> None:
        draft = (
            "EXISTS (SELECT FROM catalog_pricerule r WHERE r.id = %s.pricerule_id AND r.published_at IS NULL)"
        )
        func = (
            f"IF TG_OP <> 'INSERT' AND NOT {draft % 'OLD'} THEN {refuse(name, _SET)} END IF; "
            f"IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; "
            f"IF {draft % 'NEW'} THEN RETURN NEW; END IF; {refuse(name, _SET)}"
        )
        super().__init__(name=name, func=func)
