-- call: marks a request as being at the model, with what the call may cost, before it is sent; or as
-- waiting for its turn.
--
-- KEYS[1] the record     KEYS[2] counters
-- ARGV[1] boot           ARGV[2] attempt     ARGV[3] running or parked
-- ARGV[4] the call's number in this attempt; empty when it waits
-- ARGV[5] the most that it may cost, nano-dollars; empty when it waits
-- Answers 'marked'; 'lost' when the request is no longer this attempt's, and then writes nothing.
-- O(1).

local record = redis.call('HMGET', KEYS[1], 'state', 'boot', 'attempt')
if (record[1] ~= 'running' and record[1] ~= 'parked') or record[2] ~= ARGV[1]
    or record[3] ~= ARGV[2] then
    return 'lost'
end
redis.call('HEXISTS', KEYS[2], 'parked')
if ARGV[5] == '' then
    redis.call('HDEL', KEYS[1], 'calling')
    redis.call('HSET', KEYS[1], 'state', ARGV[3])
else
    redis.call('HSET', KEYS[1], 'state', ARGV[3], 'call', ARGV[4], 'calling', ARGV[5])
end
if record[1] ~= ARGV[3] then
    redis.call('HINCRBY', KEYS[2], 'parked', ARGV[3] == 'parked' and 1 or -1)
end
return 'marked'
