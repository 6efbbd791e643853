-- Which of some rows are there already, in whatever epoch: their deletion from the outbox was lost.
-- $1 partition, $2 and $3 milliseconds and sequences of their IDs.
SELECT outbox_ms, outbox_seq
FROM gpt4_usage_log
WHERE partition = $1
    AND (outbox_ms, outbox_seq) IN (SELECT ms, seq FROM unnest($2::bigint[], $3::bigint[]) AS id (ms, seq))
