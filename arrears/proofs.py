"""What proves that a notice arrived, in SQL: one text for the facts that people are judged by and for the law.

About a delivery `d` of the notice `n` of a case. A letter is proven by the scan of its posting, everything else by a
signed receipt; what came back, or went to an address that has changed since, proves nothing.
"""

ADDRESS_HOLDS = """NOT EXISTS (SELECT FROM accounts_contact k WHERE k.id = n.contact_id AND d.channel <> 'LETTER'
                            AND k.value <> d.address)"""
IS_PROOF = f"""d.state = 'DELIVERED' AND d.failure <> 'HARD'
           AND {ADDRESS_HOLDS}
           AND CASE WHEN d.channel = 'LETTER'
                    THEN EXISTS (SELECT FROM notices_letterlist l WHERE l.id = d.letter_list_id
                                  AND l.posted_on IS NOT NULL AND l.proof_id IS NOT NULL)
                    ELSE EXISTS (SELECT FROM notices_deliveryreceipt r WHERE r.delivery_id = d.id
                                  AND r.is_verified AND r.status = 'DELIVERED') END"""
