"""What proves that a notice arrived, in SQL: one text for the facts that people are judged by and for the law.

About a delivery `d` of the notice `n` of a case. A letter is proven by the scan of its posting, everything else by a
signed receipt; what came back, or went to an address that has changed since, proves nothing. The contact is known by
the ref, which never changes, and the day by the receipt or the posting: a later word in the delivery moves neither.
A contact that was removed is known by where the message was first sent: left again, it has been told.
"""

from notices.models import POST_DAYS

# A line whose number is one of a mobile telephone takes text messages itself.
IS_MOBILE = "service_number ~ '^([+]?86)?1[3-9][0-9]{9}$'"
# A letter to a later address is written as post:2, post:3 …: all are letters.
REF = "CASE split_part(n.contact_ref, ':', 1) WHEN 'post' THEN 'post' ELSE n.contact_ref END"
# Nor does what a message said another way: an e-mail instead of a text message tells nothing of that telephone.
ADDRESS_HOLDS = """CASE split_part(n.contact_ref, ':', 1)
            WHEN 'contact' THEN d.channel <> 'LETTER' AND d.address = coalesce(
                (SELECT k.value FROM accounts_contact k WHERE k.id = split_part(n.contact_ref, ':', 2)::bigint),
                (SELECT e.address FROM notices_delivery e WHERE e.message_id = d.message_id AND e.channel <> 'INBOX'
                  ORDER BY e.id LIMIT 1))
            WHEN 'service' THEN d.address = '+86' || right(n.contact_ref, 11)
            ELSE EXISTS (SELECT FROM arrears_arrearscase o
                           JOIN accounts_billingaccount p ON p.id = o.account_id
                           JOIN accounts_customer u ON u.id = p.customer_id
                          WHERE o.id = n.case_id
                            AND d.address = u.name || chr(10) || coalesce(nullif(p.post_address, ''), p.address)) END"""
IS_DEAD = f"d.failure = 'HARD' AND {ADDRESS_HOLDS}"
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
