-- The same by spans of time, those in which there is something: $4 is `hour` or `day`, of UTC.
SELECT (extract(epoch FROM date_trunc($4, at, 'UTC')) * 1000)::bigint,
    count(*) FILTER (WHERE terminal AND admitted),
    count(*) FILTER (WHERE terminal AND admitted AND event = 'result'),
    count(*) FILTER (WHERE terminal AND event = 'rejected'),
    count(*) FILTER (WHERE terminal AND event = 'failed'),
    coalesce(sum(cost_nanousd) FILTER (WHERE payer = 'user'), 0)::bigint
FROM gpt4_usage_log
WHERE user_id = $1 AND at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'
    AND at < timestamptz 'epoch' + $3::bigint * interval '1 millisecond'
GROUP BY 1
ORDER BY 1
