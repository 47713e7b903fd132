-- Turns identifiers that an existing database keeps as text into uuid, in one transaction: all of them or none.
-- docs/operations.md says what comes before and after. Run it with
--     psql --set ON_ERROR_STOP=1 --file deploy/postgres/ids-to-uuid.sql "$COPY_DSN"
BEGIN;
SET LOCAL lock_timeout = '10s';
CREATE TEMP TABLE id_columns (tab regclass NOT NULL, col name NOT NULL) ON COMMIT DROP;

-- Every identifier column, those that refer to one too. This list is the only thing to change.
INSERT INTO id_columns VALUES
    ('orders', 'id'),
    ('order_events', 'id'),
    ('order_events', 'order_id'),
    ('executions', 'id'),
    ('executions', 'order_id');

-- 1. Nobody writes meanwhile, and every identifier is a UUID, or nothing is changed.
DO $$
DECLARE
    item record;
    wrong bigint;
    example text;
BEGIN
    FOR item IN SELECT DISTINCT tab FROM id_columns LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', item.tab);
    END LOOP;
    FOR item IN SELECT * FROM id_columns LOOP
        EXECUTE format(
            'SELECT count(*), min(%1$I::text) FROM %2$s WHERE NOT %1$I::text ~* %3$L',
            item.col, item.tab, '^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$'
        ) INTO wrong, example;
        IF wrong > 0 THEN
            RAISE EXCEPTION '%.% must hold UUIDs, % rows do not, such as %', item.tab, item.col, wrong, example;
        END IF;
    END LOOP;
END $$;

-- 2. Foreign keys between the columns stand in the way of their types; they are kept, and made again in 4.
CREATE TEMP TABLE kept_keys ON COMMIT DROP AS
SELECT conrelid::regclass AS tab, conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE contype = 'f' AND (conrelid IN (SELECT tab FROM id_columns) OR confrelid IN (SELECT tab FROM id_columns));

DO $$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT * FROM kept_keys LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', item.tab, item.name);
    END LOOP;
END $$;

-- 3. One rewrite a table; it builds the table's indexes anew.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT tab,
               string_agg(format('ALTER COLUMN %1$I DROP DEFAULT', col), ', ') AS defaults,
               string_agg(format('ALTER COLUMN %1$I TYPE uuid USING (%1$I::uuid)', col), ', ') AS types
        FROM id_columns GROUP BY tab
    LOOP
        EXECUTE format('ALTER TABLE %s %s', item.tab, item.defaults);
        EXECUTE format('ALTER TABLE %s %s', item.tab, item.types);
    END LOOP;
END $$;

-- 4. The foreign keys again; this checks every row.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT * FROM kept_keys LOOP
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', item.tab, item.name, item.definition);
    END LOOP;
END $$;
COMMIT;

-- The planner knows nothing of a column that was rewritten.
ANALYZE;
