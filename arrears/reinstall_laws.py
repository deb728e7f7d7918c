"""Laws of rules against reinstalling: what one member of staff asked for and another decided."""

import pgtrigger

from core.db import Law, refuse
from core.periods import TODAY

_STAFF = "EXISTS (SELECT FROM accounts_user u WHERE u.is_staff AND u.is_active AND 'user:' || u.id = {who})"


class DecidedByAnother(Law):
    """When the transaction ends, the row's approval is one of this kind, asked and decided by two members of staff.

    `says`: what of the approval `p` is in the new row, as SQL.
    """

    operation = pgtrigger.Insert
    when = pgtrigger.After

    def __init__(self, *, name: str, kind: str, says: str) -> None:
        func = f"""
            IF EXISTS (SELECT FROM core_approval p WHERE p.id = NEW.approval_id AND p.state = 'APPROVED'
                AND p.kind = '{kind}' AND p.decided_by <> p.requested_by
                AND (p.decided_at AT TIME ZONE 'Asia/Shanghai')::date <= {TODAY}
                AND {_STAFF.format(who="p.requested_by")} AND {_STAFF.format(who="p.decided_by")}
                AND {says}) THEN RETURN NEW; END IF;
            {refuse(name, f"{kind}: one member of staff asks and another decides, for what the row says")}"""
        super().__init__(name=name, func=func, timing=pgtrigger.Deferred)
