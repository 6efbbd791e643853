-- Takes a partition's row for one batch, and raises its token: who has a lower one is refused from now on.
-- $1 partition, $2 epoch, $3 token. No row: fenced, or nothing was ever carried of this partition.
UPDATE ledger_partition
SET epoch = $2, fencing_token = $3, changed_at = now()
WHERE partition = $1 AND (epoch, fencing_token) <= ($2, $3)
RETURNING last_ms, last_seq, audit_seq, audit_hash
