-- The next records of a partition's chain.
-- $1 partition, $2 the record before them, $3 how many.
SELECT a.seq, (extract(epoch FROM a.at) * 1000)::bigint, a.epoch, a.outbox_ms, a.outbox_seq,
    a.fencing_token, a.request_id, a.attempt, a.event, a.code, a.retention, a.content, a.personal,
    a.personal_hash, a.prev_hash, a.hash, e.seq IS NOT NULL
FROM audit_log a LEFT JOIN audit_erasure e USING (partition, seq)
WHERE a.partition = $1 AND a.seq > $2
ORDER BY a.seq
LIMIT $3
