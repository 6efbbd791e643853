-- Says how far a partition's outbox is carried, and where its audit chain ends.
-- $1 partition, $2 and $3 the last ID, $4 rows, $5 nano-dollars, $6 and $7 the chain's head.
UPDATE ledger_partition
SET last_ms = $2, last_seq = $3, rows_carried = rows_carried + $4,
    carried_nanousd = carried_nanousd + $5::bigint, audit_seq = $6, audit_hash = $7
WHERE partition = $1
