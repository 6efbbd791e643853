-- Adds a batch of records at the head of a partition's chain.
-- $1 partition, $2 epoch, $3 token; then an array a column.
INSERT INTO audit_log (
    partition, epoch, fencing_token, seq, at, outbox_ms, outbox_seq, request_id, attempt, event,
    code, retention, content, personal, personal_hash, prev_hash, hash
)
SELECT $1, $2, $3, r.seq, timestamptz 'epoch' + r.at_ms * interval '1 millisecond', r.outbox_ms,
    r.outbox_seq, r.request_id, r.attempt, r.event, r.code, r.retention, r.content, r.personal,
    r.personal_hash, r.prev_hash, r.hash
FROM unnest(
    $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[], $10::text[],
    $11::text[], $12::text[], $13::bytea[], $14::bytea[], $15::bytea[], $16::bytea[], $17::bytea[]
) AS r (
    seq, at_ms, outbox_ms, outbox_seq, request_id, attempt, event, code, retention, content,
    personal, personal_hash, prev_hash, hash
)
