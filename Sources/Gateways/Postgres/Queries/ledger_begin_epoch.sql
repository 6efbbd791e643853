-- Begins a partition's next epoch: Redis has lost its books, or never had any.
-- $1 partition, $2 token.
INSERT INTO ledger_partition AS p (partition, epoch, fencing_token)
VALUES ($1, 1, $2)
ON CONFLICT (partition) DO UPDATE
SET epoch = p.epoch + 1, fencing_token = excluded.fencing_token, changed_at = now()
RETURNING epoch
