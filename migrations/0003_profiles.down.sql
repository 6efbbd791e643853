-- 0003 profiles, taken back: copies in Redis stay.
-- Locks:   the table it drops.

DROP TABLE user_profile;
