-- lease: takes, renews or gives back the right to supervise a partition. Each new holder gets a higher
-- token, which every script of a supervisor checks: who has slept through its lease writes nothing.
--
-- KEYS[1] the lease      KEYS[2] counters
-- ARGV[1] holder         ARGV[2] how long it lasts, ms; 0 gives it back
-- Answers the holder's token, or 0: another holds it, or it was given back.
-- O(1).

local holder = redis.call('HGET', KEYS[1], 'holder')
if ARGV[2] == '0' then
    if holder == ARGV[1] then redis.call('DEL', KEYS[1]) end
    return 0
end
if holder == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return tonumber(redis.call('HGET', KEYS[1], 'token'))
end
if holder then
    return 0
end
-- There is nothing to delete; but a full Redis lets a script go on that began with what needs no memory.
redis.call('DEL', KEYS[1])
local token = redis.call('HINCRBY', KEYS[2], 'lease_token', 1)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return token
