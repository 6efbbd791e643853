-- 0003 profiles: what each user is and may do, where it differs from what his tier says.
--
-- Why:     tiers, limits and suitability outlive Redis, which only has a copy.
-- Locks:   makes new things only; nobody waits.
-- Undone:  0003_profiles.down.sql, which drops them; copies in Redis stay.

CREATE TABLE user_profile (
    user_id               text        PRIMARY KEY CHECK (octet_length(user_id) BETWEEN 1 AND 256),
    tier                  text        CHECK (tier IN ('free', 'basic', 'premium', 'enterprise')),
    requests_per_hour     bigint      CHECK (requests_per_hour BETWEEN 0 AND 1000000000),
    cost_per_hour_nanousd bigint      CHECK (cost_per_hour_nanousd BETWEEN 0 AND 9000000000000000),
    approval_level        smallint    CHECK (approval_level BETWEEN 1 AND 4),
    risk_profile          text        CHECK (risk_profile IN ('conservative', 'moderate', 'aggressive')),
    changed_at            timestamptz NOT NULL DEFAULT now(),
    changed_by            text        NOT NULL DEFAULT current_user
);

-- What changed lately: copies are made again from here.
CREATE INDEX user_profile_changed ON user_profile (changed_at);

GRANT SELECT, INSERT, UPDATE ON user_profile TO strategy_service;
GRANT SELECT ON user_profile TO strategy_read;
