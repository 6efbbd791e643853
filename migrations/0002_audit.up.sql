-- 0002 audit: every end of a request, with all that led to it, in a chain that shows what was changed.
--
-- Why:     compliance shows any decision, and proves that nobody rewrote one.
-- Locks:   makes new things only; nobody waits.
-- Undone:  0002_audit.down.sql, which drops the trail: export it before.

CREATE TABLE audit_log (
    partition     integer     NOT NULL,
    -- Its place in the partition's chain, from 1, without gaps.
    seq           bigint      NOT NULL,
    at            timestamptz NOT NULL,
    epoch         integer     NOT NULL,
    outbox_ms     bigint      NOT NULL,
    outbox_seq    bigint      NOT NULL,
    fencing_token bigint      NOT NULL,
    request_id    text        NOT NULL,
    attempt       integer     NOT NULL,
    event         text        NOT NULL,
    code          text        NOT NULL,
    -- How long it is kept.
    retention     text        NOT NULL DEFAULT 'decision' CHECK (retention IN ('decision', 'refusal')),
    -- What was decided and by what: nobody's personal data. JSON.
    content       bytea       NOT NULL,
    -- Sixteen bytes of chance, then JSON: who asked, what for, what he was told. NULL once erased;
    -- the chain holds its hash, so that erasing breaks nothing and says nothing.
    personal      bytea,
    personal_hash bytea       NOT NULL CHECK (octet_length(personal_hash) = 32),
    prev_hash     bytea       NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash          bytea       NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (partition, seq, at)
) PARTITION BY RANGE (at);

CREATE INDEX audit_log_request ON audit_log (request_id);
CREATE INDEX audit_log_outbox ON audit_log (partition, outbox_ms, outbox_seq);

-- What was erased, when and on whose word; never what it said.
CREATE TABLE audit_erasure (
    partition integer     NOT NULL,
    seq       bigint      NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    by        text        NOT NULL,
    reason    text        NOT NULL,
    PRIMARY KEY (partition, seq)
);

-- Heads of the chain as they were exported: what stands outside cannot be rewritten here.
CREATE TABLE audit_checkpoint (
    partition integer     NOT NULL,
    seq       bigint      NOT NULL,
    hash      bytea       NOT NULL CHECK (octet_length(hash) = 32),
    at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partition, seq)
);

-- Added by who leads the partition, at the head of the chain, and by nobody else.
CREATE FUNCTION audit_guard_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a LEFT JOIN ledger_partition p USING (partition)
        WHERE p.partition IS NULL OR a.epoch <> p.epoch OR a.fencing_token <> p.fencing_token
            OR a.seq > p.audit_seq
    ) THEN
        RAISE EXCEPTION 'an audit record of a supervisor that does not lead the partition'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_guard_insert AFTER INSERT ON audit_log
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_guard_insert();

-- Nobody changes or deletes a record. Erasing takes its personal half away, and leaves the rest.
CREATE FUNCTION audit_guard_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('strategy.erasing', true) = 'on' THEN
        IF NEW.personal IS NULL AND (NEW.partition, NEW.seq, NEW.at, NEW.epoch, NEW.outbox_ms,
            NEW.outbox_seq, NEW.fencing_token, NEW.request_id, NEW.attempt, NEW.event, NEW.code,
            NEW.retention, NEW.content, NEW.personal_hash, NEW.prev_hash, NEW.hash)
            = (OLD.partition, OLD.seq, OLD.at, OLD.epoch, OLD.outbox_ms,
            OLD.outbox_seq, OLD.fencing_token, OLD.request_id, OLD.attempt, OLD.event, OLD.code,
            OLD.retention, OLD.content, OLD.personal_hash, OLD.prev_hash, OLD.hash)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_guard_change BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_guard_change();

CREATE FUNCTION audit_guard_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_guard_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_guard_truncate();
CREATE TRIGGER audit_guard_erasure BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_erasure
    FOR EACH STATEMENT EXECUTE FUNCTION audit_guard_truncate();
CREATE TRIGGER audit_guard_checkpoint BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_guard_truncate();

-- Takes the personal half of all that a user's requests left, and says so. The role that owns the
-- schema alone may.
CREATE FUNCTION erase_user(who text, by_whom text, why text) RETURNS bigint
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    erased bigint;
BEGIN
    PERFORM set_config('strategy.erasing', 'on', true);
    WITH gone AS (
        UPDATE audit_log a SET personal = NULL
        WHERE a.personal IS NOT NULL AND EXISTS (
            SELECT FROM gpt4_usage_log u
            WHERE u.user_id = who AND u.request_id = a.request_id AND u.partition = a.partition
        )
        RETURNING a.partition, a.seq
    )
    INSERT INTO audit_erasure (partition, seq, by, reason)
    SELECT partition, seq, by_whom, why FROM gone;
    GET DIAGNOSTICS erased = ROW_COUNT;
    PERFORM set_config('strategy.erasing', 'off', true);
    RETURN erased;
END $$;

REVOKE ALL ON FUNCTION erase_user(text, text, text) FROM PUBLIC;
GRANT SELECT, INSERT ON audit_log, audit_checkpoint TO strategy_service;
GRANT SELECT ON audit_erasure TO strategy_service;
GRANT SELECT ON audit_log, audit_erasure, audit_checkpoint TO strategy_read;

SELECT ensure_months(3);
