"""What proves that a notice arrived, in SQL: one text for the facts that people are judged by and for the law.

About a delivery `d` of the notice `n` of a case. A letter is proven by the scan of its posting, everything else by a
signed receipt; what came back, or went to an address that has changed since, proves nothing. The contact is known by
the ref, which never changes, and the day by the receipt or the posting: a later word in the delivery moves neither.
"""

from notices.models import POST_DAYS

ADDRESS_HOLDS = """NOT EXISTS (SELECT FROM accounts_contact k
                            WHERE k.id = nullif(split_part(n.contact_ref, 'contact:', 2), '')::bigint
                              AND d.channel <> 'LETTER' AND k.value <> d.address)"""
IS_PROOF = f"""d.state = 'DELIVERED' AND d.failure <> 'HARD'
           AND {ADDRESS_HOLDS}
           AND CASE WHEN d.channel = 'LETTER'
                    THEN EXISTS (SELECT FROM notices_letterlist l WHERE l.id = d.letter_list_id
                                  AND l.posted_on IS NOT NULL AND l.proof_id IS NOT NULL)
                    ELSE EXISTS (SELECT FROM notices_deliveryreceipt r WHERE r.delivery_id = d.id
                                  AND r.is_verified AND r.status = 'DELIVERED') END"""
ARRIVED_ON = f"""greatest((d.delivered_at AT TIME ZONE 'Asia/Shanghai')::date, CASE WHEN d.channel = 'LETTER'
                    THEN (SELECT l.posted_on + {POST_DAYS} FROM notices_letterlist l WHERE l.id = d.letter_list_id)
                    ELSE (SELECT (min(r.received_at) AT TIME ZONE 'Asia/Shanghai')::date FROM notices_deliveryreceipt r
                           WHERE r.delivery_id = d.id AND r.is_verified AND r.status = 'DELIVERED') END)"""
