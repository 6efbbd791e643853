-- What users asked for and paid since a moment, page by page.
-- $1 partition, $2 since, Unix milliseconds, $3 and $4 the row before the page, $5 how many.
SELECT outbox_ms, outbox_seq, user_id, request_id, attempt,
    CASE payer WHEN 'user' THEN cost_nanousd ELSE 0 END,
    (extract(epoch FROM at) * 1000)::bigint
FROM gpt4_usage_log
WHERE partition = $1 AND (outbox_ms, outbox_seq) > ($3, $4)
    AND at > timestamptz 'epoch' + $2::bigint * interval '1 millisecond'
    AND terminal AND admitted AND event <> 'rejected'
ORDER BY outbox_ms, outbox_seq
LIMIT $5
