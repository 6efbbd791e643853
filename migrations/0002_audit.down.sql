-- 0002 audit, taken back: the trail is gone. Export it before.
-- Locks:   everything it drops.

DROP FUNCTION erase_user(text, text, text);
DROP TABLE audit_checkpoint;
DROP TABLE audit_erasure;
DROP TABLE audit_log;
DROP FUNCTION audit_guard_truncate();
DROP FUNCTION audit_guard_change();
DROP FUNCTION audit_guard_insert();
