-- Sets members of a user's profile: those that are not named stay as they are.
-- $1 user, $2 which members are set or cleared, $3 tier, $4 requests, $5 nano-dollars an hour,
-- $6 approval level, $7 risk profile, $8 by whom.
INSERT INTO user_profile AS p (
    user_id, tier, requests_per_hour, cost_per_hour_nanousd, approval_level, risk_profile,
    changed_at, changed_by
)
VALUES ($1, $3, $4, $5, $6, $7, clock_timestamp(), $8)
ON CONFLICT (user_id) DO UPDATE SET
    tier = CASE WHEN 'tier' = ANY ($2) THEN excluded.tier ELSE p.tier END,
    requests_per_hour = CASE WHEN 'requests_per_hour' = ANY ($2)
        THEN excluded.requests_per_hour ELSE p.requests_per_hour END,
    cost_per_hour_nanousd = CASE WHEN 'cost_per_hour_nanousd' = ANY ($2)
        THEN excluded.cost_per_hour_nanousd ELSE p.cost_per_hour_nanousd END,
    approval_level = CASE WHEN 'approval_level' = ANY ($2)
        THEN excluded.approval_level ELSE p.approval_level END,
    risk_profile = CASE WHEN 'risk_profile' = ANY ($2)
        THEN excluded.risk_profile ELSE p.risk_profile END,
    changed_at = excluded.changed_at, changed_by = excluded.changed_by
