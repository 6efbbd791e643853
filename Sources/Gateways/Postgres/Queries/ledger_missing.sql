-- Rows without their audit record, records without their row: the first of them.
-- $1 how many. Records older than the ledger's first row are of months that were retired.
SELECT coalesce(u.partition, a.partition), coalesce(u.outbox_ms, a.outbox_ms),
    coalesce(u.outbox_seq, a.outbox_seq), coalesce(u.request_id, a.request_id),
    u.partition IS NULL
FROM gpt4_usage_log u
FULL JOIN (
    SELECT * FROM audit_log
    WHERE at >= date_trunc('month', (SELECT min(at) FROM gpt4_usage_log), 'UTC')
) a ON a.partition = u.partition AND a.epoch = u.epoch AND a.outbox_ms = u.outbox_ms
    AND a.outbox_seq = u.outbox_seq AND a.request_id = u.request_id
WHERE u.partition IS NULL OR a.partition IS NULL
ORDER BY 1, 2, 3
LIMIT $1
