-- rebuild_global: what the whole fleet spent in the last hour is at least what PostgreSQL has. What is
-- missing counts from now on for an hour. Twice is harmless. Then a partition's books are open.
--
-- KEYS[1] cost           KEYS[2] spend by the second           KEYS[3] the books that are open
-- ARGV[1] nano-dollars of the last hour, as PostgreSQL has them
-- ARGV[2] now, Unix seconds         ARGV[3] the partition      ARGV[4] its epoch, and Redis' run
-- Answers how many nano-dollars were missing.
-- O(1).

local known = tonumber(redis.call('HGET', KEYS[1], 'settled_nanousd') or '0')
local missing = math.max(tonumber(ARGV[1]) - known, 0)
local edge = redis.call('HMGET', KEYS[2], 'from', 'last')
redis.call('HLEN', KEYS[3])
if missing > 0 then
    local amount = string.format('%.0f', missing)
    redis.call('HINCRBY', KEYS[1], 'settled_nanousd', amount)
    redis.call('HINCRBY', KEYS[2], ARGV[2], amount)
    if not edge[1] then redis.call('HSET', KEYS[2], 'from', ARGV[2]) end
    if not edge[2] or tonumber(edge[2]) < tonumber(ARGV[2]) then
        redis.call('HSET', KEYS[2], 'last', ARGV[2])
    end
    redis.call('PEXPIRE', KEYS[2], 7200000)
end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
return string.format('%.0f', missing)
