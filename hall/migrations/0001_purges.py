"""The one way in which rows under a law leave: by a function of the owner's, and never before their time.

See docs/adr/0016. The floors stand here once more beside the settings, so that whoever has the application's role cannot
shorten them. A change of a rule is a new migration.
"""

from django.db import migrations

CANDIDATES = """
CREATE FUNCTION hall_purge_candidates(rule text, before timestamptz, after bigint, most integer)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    chain text[];      -- the table, then "table.column" of what belongs to it, and so on down
    due text;          -- which of its rows are past their time; $1 is the instant
    floor_days integer;
    inside oid[] := '{}';
    path text := '';
    spared text := '';
    level integer;
    reference record;
BEGIN
    CASE rule
    WHEN 'slips' THEN
        chain := ARRAY['operations_slip', 'operations_sliphistory.slip_id']; floor_days := 1096;
        due := 't1.started_at < $1 AND coalesce(t1.finished_at, t1.started_at) < $1
                AND t1.state NOT IN (''CONFIRMED'', ''IN_PROGRESS'')';
    WHEN 'messages' THEN
        chain := ARRAY['notices_message', 'notices_delivery.message_id', 'notices_deliveryreceipt.delivery_id'];
        floor_days := 1096;
        due := 't1.created_at < $1 AND NOT EXISTS (SELECT 1 FROM notices_delivery d WHERE d.message_id = t1.id
                AND (d.state = ''QUEUED'' OR d.created_at >= $1))';
    WHEN 'callbacks' THEN
        chain := ARRAY['billing_gatewaycallback']; floor_days := 1096;
        due := 't1.received_at < $1 AND t1.state IN (''APPLIED'', ''REJECTED'')';
    WHEN 'strangers-callbacks' THEN
        chain := ARRAY['billing_gatewaycallback']; floor_days := 184;
        due := 't1.received_at < $1 AND t1.state = ''REJECTED'' AND t1.report IS NULL';
    WHEN 'strangers-receipts' THEN
        chain := ARRAY['notices_deliveryreceipt']; floor_days := 184;
        due := 't1.received_at < $1 AND NOT t1.is_verified';
    WHEN 'audit' THEN
        chain := ARRAY['core_auditrow']; floor_days := 1096;
        due := 't1.at < $1';
    ELSE
        RAISE EXCEPTION 'no such rule: %', rule;
    END CASE;
    IF before > now() - make_interval(days => floor_days) THEN
        RAISE EXCEPTION 'rows of % are kept for % days at least', rule, floor_days
            USING ERRCODE = '23514', CONSTRAINT = 'purge_too_early';
    END IF;
    FOR level IN 1 .. cardinality(chain) LOOP
        inside := inside || split_part(chain[level], '.', 1)::regclass::oid;
    END LOOP;
    FOR level IN 1 .. cardinality(chain) LOOP
        IF level > 1 THEN
            path := path || format(' JOIN %I t%s ON t%s.%I = %s.id', split_part(chain[level], '.', 1), level, level,
                                   split_part(chain[level], '.', 2),
                                   CASE WHEN level = 2 THEN 'own' ELSE 't' || (level - 1) END);
        END IF;
        -- Whatever another table points to is evidence of something, and stays.
        FOR reference IN
            SELECT c.conrelid::regclass AS source, a.attname AS column_name
              FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
             WHERE c.contype = 'f' AND c.confrelid = inside[level] AND NOT c.conrelid = ANY (inside)
        LOOP
            spared := spared || format(
                ' AND NOT EXISTS (SELECT 1 FROM (SELECT t1.id) own%s JOIN %s r ON r.%I = %s.id)', path,
                reference.source, reference.column_name, CASE WHEN level = 1 THEN 'own' ELSE 't' || level END);
        END LOOP;
    END LOOP;
    RETURN QUERY EXECUTE format(
        'SELECT t1.id::bigint FROM %I t1 WHERE t1.id > $2 AND %s%s ORDER BY t1.id LIMIT $3', chain[1], due, spared
    ) USING before, after, most;
END;
$$;
"""

PURGE = """
CREATE FUNCTION hall_purge(rule text, before timestamptz, after bigint, most integer)
RETURNS TABLE (deleted integer, last_id bigint) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    ids bigint[] := ARRAY(SELECT hall_purge_candidates(rule, before, after, least(most, 5000)));
    tables text[];
    level integer;
    law record;
BEGIN
    deleted := cardinality(ids);
    last_id := (SELECT max(id) FROM unnest(ids) id);
    IF deleted = 0 THEN
        RETURN NEXT;
        RETURN;
    END IF;
    tables := CASE rule
        WHEN 'slips' THEN ARRAY['operations_slip', 'operations_sliphistory']
        WHEN 'messages' THEN ARRAY['notices_message', 'notices_delivery', 'notices_deliveryreceipt']
        WHEN 'callbacks' THEN ARRAY['billing_gatewaycallback']
        WHEN 'strangers-callbacks' THEN ARRAY['billing_gatewaycallback']
        WHEN 'strangers-receipts' THEN ARRAY['notices_deliveryreceipt']
        WHEN 'audit' THEN ARRAY['core_auditrow']
    END;
    SET CONSTRAINTS ALL IMMEDIATE;
    -- Only inside this transaction, and nobody else can write to these tables meanwhile: for all others the laws hold.
    FOR law IN SELECT tgrelid::regclass AS source, tgname FROM pg_trigger
                WHERE tgrelid = ANY (tables::regclass[]) AND NOT tgisinternal AND tgenabled = 'A' AND tgtype & 8 = 8
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', law.source, law.tgname);
    END LOOP;
    CASE rule
    WHEN 'slips' THEN
        DELETE FROM operations_sliphistory WHERE slip_id = ANY (ids);
        DELETE FROM operations_slip WHERE id = ANY (ids);
    WHEN 'messages' THEN
        DELETE FROM notices_deliveryreceipt WHERE delivery_id IN
            (SELECT id FROM notices_delivery WHERE message_id = ANY (ids));
        DELETE FROM notices_delivery WHERE message_id = ANY (ids);
        DELETE FROM notices_message WHERE id = ANY (ids);
    ELSE
        EXECUTE format('DELETE FROM %I WHERE id = ANY ($1)', tables[1]) USING ids;
    END CASE;
    SET CONSTRAINTS ALL IMMEDIATE;
    FOR law IN SELECT tgrelid::regclass AS source, tgname FROM pg_trigger
                WHERE tgrelid = ANY (tables::regclass[]) AND NOT tgisinternal AND tgenabled = 'D'
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', law.source, law.tgname);
    END LOOP;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN NEXT;
END;
$$;
REVOKE ALL ON FUNCTION hall_purge(text, timestamptz, bigint, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION hall_purge_candidates(text, timestamptz, bigint, integer) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("core", "0003_money"),
        ("notices", "0002_money"),
        ("operations", "0002_numbers"),
        ("billing", "0004_money_data"),
    ]
    operations = [
        migrations.RunSQL(
            CANDIDATES, "DROP FUNCTION hall_purge_candidates(text, timestamptz, bigint, integer)"
        ),
        migrations.RunSQL(PURGE, "DROP FUNCTION hall_purge(text, timestamptz, bigint, integer)"),
    ]
