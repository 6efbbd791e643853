-- rebuild: puts back what a user spent and asked for in the last hour, as PostgreSQL has it, where Redis
-- has lost it. What is there stays, so that the hour is the larger of the two. Twice is harmless.
--
-- KEYS[1] user's cost    KEYS[2] user's cost log    KEYS[3] user's requests of the last hour
-- KEYS[4] the supervisors' lease
-- ARGV[1] the lease's token         ARGV[2] now, Unix ms
-- ARGV[3…] when, nano-dollars, request_id and attempt of each, at most 100 of them
-- Answers how many costs were put back. 'fenced': another supervisor has the lease.
-- O(n log m), n of them into m that are there.

if redis.call('HGET', KEYS[4], 'token') ~= ARGV[1] then
    return 'fenced'
end
redis.call('HEXISTS', KEYS[1], 'settled_nanousd')
redis.call('ZCARD', KEYS[2])
redis.call('ZCARD', KEYS[3])
local added = 0
for index = 3, #ARGV, 4 do
    local at, nano, request = ARGV[index], ARGV[index + 1], ARGV[index + 2]
    if nano ~= '0' and redis.call('ZADD', KEYS[2], 'NX', at,
        nano .. ':' .. request .. ':' .. ARGV[index + 3]) == 1 then
        redis.call('HINCRBY', KEYS[1], 'settled_nanousd', nano)
        added = added + 1
    end
    redis.call('ZADD', KEYS[3], 'NX', at, request)
end
redis.call('PEXPIRE', KEYS[2], 7200000)
redis.call('PEXPIRE', KEYS[3], 3600000)
local lasts = math.max(tonumber(ARGV[2]) + 7200000, redis.call('PEXPIRETIME', KEYS[1]))
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', lasts))
return added
