"""Laws of this room beyond those of core.db: what was said stays, and a letter arrives only as the post proves it."""

import pgtrigger

from core.db import Law, refuse


class WrittenOnce(Law):
    """The text is written when the row is, or once later while it waits; that of a secret never is."""

    operation = pgtrigger.UpdateOf("body")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        allowed = "OLD.body = '' AND OLD.state = 'QUEUED' AND NEW.expires_at IS NULL"
        sentence = "these columns never change: body, once it is written"
        func = f"IF NEW.body = OLD.body OR ({allowed}) THEN RETURN NEW; END IF; {refuse(name, sentence)}"
        super().__init__(name=name, func=func)


class OneList(Law):
    """A letter is on one list for good, and nothing else is on any."""

    operation = pgtrigger.Insert | pgtrigger.UpdateOf("letter_list_id")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        sentence = "a letter is on one list, and stays there"
        func = f"""
            IF NEW.letter_list_id IS NULL AND (TG_OP = 'INSERT' OR OLD.letter_list_id IS NULL) THEN RETURN NEW; END IF;
            IF TG_OP = 'UPDATE' THEN
                IF NEW.letter_list_id IS NOT DISTINCT FROM OLD.letter_list_id THEN RETURN NEW; END IF;
                IF NEW.channel = 'LETTER' AND OLD.letter_list_id IS NULL THEN RETURN NEW; END IF;
            END IF;
            {refuse(name, sentence)}"""
        super().__init__(name=name, func=func)


class ByPost(Law):
    """A letter is sent when it is printed on a list, and has arrived days after that list was posted with proof."""

    operation = pgtrigger.UpdateOf("state")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str, days: int) -> None:
        posted = f"""EXISTS (SELECT 1 FROM notices_letterlist l WHERE l.id = NEW.letter_list_id
                        AND l.proof_id IS NOT NULL
                        AND l.posted_on + {days} <= (NEW.delivered_at AT TIME ZONE 'Asia/Shanghai')::date)"""
        sentence = f"a letter arrives {days} days after it was posted, with a proof of posting"
        func = f"""
            IF NEW.channel <> 'LETTER' OR NEW.state = OLD.state OR NEW.state NOT IN ('SENT', 'DELIVERED') THEN
                RETURN NEW;
            END IF;
            IF NEW.state = 'SENT' AND NEW.letter_list_id IS NOT NULL THEN RETURN NEW; END IF;
            IF NEW.state = 'DELIVERED' AND {posted} THEN RETURN NEW; END IF;
            {refuse(name, sentence)}"""
        super().__init__(name=name, func=func)


class PostedOnce(Law):
    """The day and the proof of posting are registered once."""

    operation = pgtrigger.Update

    def __init__(self, *, name: str) -> None:
        columns = ("posted_on", "proof_id", "posted_by")
        same = " AND ".join(f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in columns)
        sentence = "when a list was posted is registered once"
        func = f"IF OLD.posted_on IS NULL OR ({same}) THEN RETURN NEW; END IF; {refuse(name, sentence)}"
        super().__init__(name=name, func=func)
