-- What a user asked for and what it cost, from $2 up to, without, $3, Unix milliseconds.
SELECT count(*) FILTER (WHERE terminal AND admitted),
    count(*) FILTER (WHERE terminal AND admitted AND event = 'result'),
    count(*) FILTER (WHERE terminal AND event = 'rejected'),
    count(*) FILTER (WHERE terminal AND event = 'failed'),
    count(*) FILTER (WHERE terminal AND event = 'cancelled'),
    coalesce(sum(cost_nanousd) FILTER (WHERE payer = 'user'), 0)::bigint,
    coalesce(sum(cost_nanousd) FILTER (WHERE payer = 'user' AND estimated), 0)::bigint
FROM gpt4_usage_log
WHERE user_id = $1 AND at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'
    AND at < timestamptz 'epoch' + $3::bigint * interval '1 millisecond'
