-- 0001 ledger, taken back: the ledger is gone with all it held.
-- Locks:   everything it drops.

DROP FUNCTION retire_ledger(date);
DROP FUNCTION ensure_months(integer);
DROP FUNCTION ensure_month(timestamptz);
DROP TABLE gpt4_usage_log;
DROP TABLE ledger_partition;
