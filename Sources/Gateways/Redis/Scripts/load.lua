-- load: tells orchestrators how much waits and how long an entry will that is added to `low` now.
--
-- KEYS[1] the load       KEYS[2] the supervisors' lease
-- ARGV[1] the lease's token         ARGV[2] how long it can be read, ms
-- ARGV[3] entries waiting           ARGV[4] age of the oldest, ms
-- ARGV[5] estimated wait, ms        ARGV[6] 1 while more is accepted, else 0
-- ARGV[7] 1 while the ledger's outbox is full, else 0: workers read nothing new
-- Answers 'told'; 'fenced' when another supervisor has the lease: nothing is written.
-- O(1).

if redis.call('HGET', KEYS[2], 'token') ~= ARGV[1] then
    return 'fenced'
end
-- First what needs no memory: a full Redis lets a script go on that has written.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'waiting', ARGV[3], 'oldest_ms', ARGV[4], 'estimated_wait_ms', ARGV[5],
    'accepting', ARGV[6], 'outbox_full', ARGV[7] or '0')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'told'
