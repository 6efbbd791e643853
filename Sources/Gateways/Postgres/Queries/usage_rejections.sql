-- Why a user's requests were rejected.
SELECT code, count(*)
FROM gpt4_usage_log
WHERE user_id = $1 AND at >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'
    AND at < timestamptz 'epoch' + $3::bigint * interval '1 millisecond'
    AND terminal AND event = 'rejected'
GROUP BY code
ORDER BY 2 DESC, 1
