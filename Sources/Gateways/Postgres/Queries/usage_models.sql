-- The same by the model that was asked.
SELECT model_version, count(*), coalesce(sum(prompt_tokens), 0)::bigint,
    coalesce(sum(cached_tokens), 0)::bigint, coalesce(sum(completion_tokens), 0)::bigint,
    coalesce(sum(cost_nanousd) FILTER (WHERE payer = 'user'), 0)::bigint
FROM gpt4_usage_log
WHERE user_id = $1 AND at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'
    AND at < timestamptz 'epoch' + $3::bigint * interval '1 millisecond'
    AND model_version IS NOT NULL
GROUP BY model_version
ORDER BY 6 DESC, 1
