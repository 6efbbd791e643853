-- carried: takes rows out of the ledger's outbox that PostgreSQL has. Twice is harmless.
--
-- KEYS[1] the ledger's outbox       KEYS[2] the supervisors' lease
-- ARGV[1] the lease's token         ARGV[2…101] IDs of the rows, at most 100
-- Answers how many were there. 'fenced': another supervisor has the lease, and nothing is written.
-- O(rows).

if redis.call('HGET', KEYS[2], 'token') ~= ARGV[1] then
    return 'fenced'
end
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
