-- Adds a batch of rows.
-- $1 partition, $2 epoch; then an array a column, in the table's order.
INSERT INTO gpt4_usage_log (
    partition, epoch, outbox_ms, outbox_seq, at, request_id, user_id, attempt, terminal, admitted,
    event, code, payer, cost_nanousd, estimated, source, degraded, prompt_tokens, cached_tokens,
    completion_tokens, model_version, validation_score
)
SELECT $1, $2, r.outbox_ms, r.outbox_seq, timestamptz 'epoch' + r.at_ms * interval '1 millisecond',
    r.request_id, r.user_id, r.attempt, r.terminal, r.admitted, r.event, r.code, r.payer,
    r.cost_nanousd, r.estimated, r.source, r.degraded, r.prompt_tokens, r.cached_tokens,
    r.completion_tokens, left(r.model_version, 50), r.validation_score
FROM unnest(
    $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[], $9::boolean[],
    $10::boolean[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::boolean[],
    $16::text[], $17::text[], $18::bigint[], $19::bigint[], $20::bigint[], $21::text[],
    $22::float8[]
) AS r (
    outbox_ms, outbox_seq, at_ms, request_id, user_id, attempt, terminal, admitted, event, code,
    payer, cost_nanousd, estimated, source, degraded, prompt_tokens, cached_tokens,
    completion_tokens, model_version, validation_score
)
ON CONFLICT DO NOTHING
