-- epoch: says which of Redis' lives this is. Its absence tells that Redis has lost its books.
--
-- KEYS[1] the epoch      KEYS[2] the supervisors' lease
-- ARGV[1] the lease's token         ARGV[2] the epoch's number
-- Answers 'begun'. 'fenced': another supervisor has the lease, and nothing is written.
-- O(1).

if redis.call('HGET', KEYS[2], 'token') ~= ARGV[1] then
    return 'fenced'
end
redis.call('SET', KEYS[1], ARGV[2])
return 'begun'
