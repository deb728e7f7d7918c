"""Laws of what customers hold."""

import pgtrigger

from core.db import Law, refuse


class NeedsEvidence(Law):
    """A holding ends for a reason that can be shown: the slip, the document, or the notice that was delivered."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str) -> None:
        delivered = (
            "EXISTS (SELECT FROM notices_delivery d WHERE d.message_id = NEW.notice_id AND d.state = 'DELIVERED') "
            "AND EXISTS (SELECT FROM catalog_suspension s WHERE s.id = NEW.suspension_id "
            "AND s.subscription_id = NEW.subscription_id AND s.reason = 'ARREARS' AND s.ends_on IS NULL)"
        )
        func = (
            "IF (NEW.reason IN ('CUSTOMER', 'TRANSFER') AND NEW.slip_id IS NOT NULL) "
            "OR (NEW.reason = 'AUTHORITY' AND NEW.document_id IS NOT NULL) "
            f"OR (NEW.reason = 'ARREARS' AND {delivered}) THEN RETURN NEW; END IF; "
            + refuse(name, "a subscription ends only with the evidence of its reason")
        )
        super().__init__(name=name, func=func)


class EndsWithTermination(Law):
    """A subscription is TERMINATED only where a row says why."""

    operation = pgtrigger.UpdateOf("state")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NEW.state <> 'TERMINATED' OR OLD.state = 'TERMINATED' OR EXISTS (SELECT FROM catalog_termination t "
            "WHERE t.subscription_id = NEW.id) THEN RETURN NEW; END IF; "
            + refuse(name, "a subscription ends by a termination")
        )
        super().__init__(name=name, func=func)
