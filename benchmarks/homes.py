"""Homes that hold what the hall sells: the demo's shelf; accounts, people and subscriptions by bulk SQL."""

import itertools
import os
from collections.abc import Sequence
from datetime import date

from django.db import connection

from accounts.models import User
from catalog.models import Offer
from core import clock
from hall.demo import shelf

_batches = itertools.count(1)
_ACCOUNTS = """
    WITH customer AS (
        INSERT INTO accounts_customer (number, kind, name, created_at)
        SELECT 'H' || %(batch)s || '-' || n, 'PERSONAL', '客户', now() FROM generate_series(1, %(count)s) n
        RETURNING id, number),
    account AS (
        INSERT INTO accounts_billingaccount (number, customer_id, address, created_at)
        SELECT 'A' || number, id, '幸福路 1 号', now() FROM customer RETURNING id)
    SELECT id FROM account ORDER BY id"""
_PEOPLE = """
    WITH person AS (
        INSERT INTO accounts_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                                   date_joined, phone, phone_verified_at, name, language)
        SELECT '!', false, 'home' || id, '', '', '', false, true, now(), '+861' || lpad(id::text, 10, '0'), now(),
               '张三', 'zh-hans'
          FROM unnest(%(ids)s) id RETURNING id, username),
    member AS (
        INSERT INTO accounts_membership (role, account_id, user_id, created_at)
        SELECT 'OWNER', substr(username, 5)::bigint, id, now() FROM person)
    INSERT INTO accounts_contact (account_id, kind, value, name, is_primary, verified_at, created_at)
    SELECT id, 'PHONE', '+861' || lpad(id::text, 10, '0'), '', true, now(), now() FROM unnest(%(ids)s) id"""
_HELD = """
    INSERT INTO catalog_subscription (number, account_id, payer_id, offer_id, state, begins_on, service_number, address,
                                      source, source_number, created_at)
    SELECT 'H' || id || '-' || offer, id, id, offer, 'ACTIVE', %(begins_on)s, '', '', 'hall', '', now()
      FROM unnest(%(ids)s) id, unnest(%(offers)s) offer"""


def stock() -> dict[str, Offer]:
    """What is sold, by code; the demo's shelf, which is there afterwards."""
    owner, _new = User.objects.get_or_create(username="bench-owner", defaults={"is_staff": True})
    shelf.everything(owner, as_of=clock.now())
    return {offer.code: offer for offer in Offer.objects.all()}


def holding(count: int, offers: Sequence[Offer], *, begins_on: date, with_people: bool = False) -> list[int]:
    """The ids of so many new accounts that hold these offers since then, each with its owner if asked for."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, {"batch": f"{os.getpid()}{next(_batches)}", "count": count})
        ids = [int(row[0]) for row in cursor.fetchall()]
        if with_people:
            cursor.execute(_PEOPLE, {"ids": ids})
        cursor.execute(_HELD, {"ids": ids, "offers": [offer.pk for offer in offers], "begins_on": begins_on})
        cursor.execute("ANALYZE")
    return ids
