-- Profiles in the order in which they changed, after one of them.
-- $1 microseconds of its change since 1970, $2 its user, $3 how many.
SELECT user_id, tier, requests_per_hour, cost_per_hour_nanousd, approval_level, risk_profile,
    (extract(epoch FROM changed_at) * 1000000)::bigint
FROM user_profile
WHERE (changed_at, user_id) > (timestamptz 'epoch' + $1::bigint * interval '1 microsecond', $2)
ORDER BY changed_at, user_id
LIMIT $3
