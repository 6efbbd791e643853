-- 0001 ledger: what was spent, by whom, for what; how far each partition's outbox was carried.
--
-- Why:     finance and users ask what requests cost; the outbox in Redis is emptied into these.
-- Locks:   makes new things only; nobody waits.
-- Undone:  0001_ledger.down.sql, which drops them and all they hold.

CREATE TABLE ledger_partition (
    partition       integer     PRIMARY KEY CHECK (partition >= 0),
    -- Counts Redis' losses of its data; a supervisor of an earlier epoch is refused.
    epoch           integer     NOT NULL DEFAULT 0,
    -- The highest token that has carried anything in this epoch; a lower one is refused.
    fencing_token   bigint      NOT NULL DEFAULT 0,
    -- The last entry of the outbox that was carried in this epoch.
    last_ms         bigint      NOT NULL DEFAULT 0,
    last_seq        bigint      NOT NULL DEFAULT 0,
    -- All that ever was, what retention has removed included.
    rows_carried    bigint      NOT NULL DEFAULT 0,
    carried_nanousd numeric(30) NOT NULL DEFAULT 0,
    rows_retired    bigint      NOT NULL DEFAULT 0,
    retired_nanousd numeric(30) NOT NULL DEFAULT 0,
    -- The head of the audit chain.
    audit_seq       bigint      NOT NULL DEFAULT 0,
    audit_hash      bytea       NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000',
    changed_at      timestamptz NOT NULL DEFAULT now()
);

-- One row for every attempt that ended; exactly one of a request is `terminal`.
CREATE TABLE gpt4_usage_log (
    at                timestamptz NOT NULL,
    partition         integer     NOT NULL,
    epoch             integer     NOT NULL,
    outbox_ms         bigint      NOT NULL,
    outbox_seq        bigint      NOT NULL,
    request_id        text        NOT NULL,
    user_id           text        NOT NULL,
    attempt           integer     NOT NULL,
    terminal          boolean     NOT NULL,
    admitted          boolean     NOT NULL,
    event             text        NOT NULL,
    code              text        NOT NULL,
    payer             text        NOT NULL CHECK (payer IN ('user', 'house')),
    cost_nanousd      bigint      NOT NULL CHECK (cost_nanousd >= 0),
    estimated         boolean     NOT NULL,
    source            text,
    degraded          text,
    prompt_tokens     integer,
    cached_tokens     integer,
    completion_tokens integer,
    -- The seed's names.
    model_version     varchar(50),
    validation_score  float,
    PRIMARY KEY (partition, outbox_ms, outbox_seq, epoch, at)
) PARTITION BY RANGE (at);

-- A user's usage of a span of time.
CREATE INDEX gpt4_usage_log_user ON gpt4_usage_log (user_id, at);
-- What became of a request; whether it ended twice.
CREATE INDEX gpt4_usage_log_request ON gpt4_usage_log (request_id);
-- The last hour, after Redis lost its books. Rows come in the order of time.
CREATE INDEX gpt4_usage_log_at ON gpt4_usage_log USING brin (at) WITH (pages_per_range = 16);

-- Makes the partitions of a month where they are missing.
CREATE FUNCTION ensure_month(wanted timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', wanted AT TIME ZONE 'UTC')::date;
    past  date := (first + interval '1 month')::date;
    name  text;
BEGIN
    FOR name IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'p'
    LOOP
        -- Two that make the same month at once: one makes it, the other finds it.
        PERFORM pg_advisory_xact_lock(hashtext('ensure_month ' || name));
        IF to_regclass(format('public.%I', name || to_char(first, '_YYYY_MM'))) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                name || to_char(first, '_YYYY_MM'), name,
                first || ' 00:00:00+00', past || ' 00:00:00+00');
        END IF;
    END LOOP;
END $$;

-- Makes this month's partitions and those of the months to come.
CREATE FUNCTION ensure_months(ahead integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ensure_month(now() + make_interval(months => month))
    FROM generate_series(0, least(greatest(ahead, 0), 24)) AS month
$$;

-- Removes the months of the ledger that end before a day, and remembers what they summed up to.
CREATE FUNCTION retire_ledger(before date) RETURNS integer
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    name text;
    gone integer := 0;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'gpt4_usage_log'::regclass
            AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE gpt4_usage_log DETACH PARTITION %I', name);
        EXECUTE format(
            'UPDATE ledger_partition p SET rows_retired = rows_retired + sums.rows,
                 retired_nanousd = retired_nanousd + sums.nanousd
             FROM (SELECT partition, count(*) AS rows, sum(cost_nanousd) AS nanousd
                   FROM %I GROUP BY partition) AS sums
             WHERE p.partition = sums.partition', name);
        EXECUTE format('DROP TABLE %I', name);
        gone := gone + 1;
    END LOOP;
    RETURN gone;
END $$;

REVOKE ALL ON FUNCTION ensure_month(timestamptz), ensure_months(integer), retire_ledger(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_month(timestamptz), ensure_months(integer) TO strategy_service;
GRANT USAGE ON SCHEMA public TO strategy_service, strategy_read;
GRANT SELECT, INSERT, UPDATE ON ledger_partition TO strategy_service;
GRANT SELECT, INSERT ON gpt4_usage_log TO strategy_service;
GRANT SELECT ON ledger_partition, gpt4_usage_log TO strategy_read;

SELECT ensure_months(3);
