-- call: marks a request as being at the model, with what the call may cost, before it is sent; or as
-- waiting for its turn. What a further call of the attempt may cost beyond what is set aside already
-- is set aside here, of the user's hour.
--
-- KEYS[1] the record     KEYS[2] counters          KEYS[3] user's cost
-- ARGV[1] boot           ARGV[2] attempt           ARGV[3] running or parked
-- ARGV[4] the call's number in this attempt; when it waits empty, or `free`: what is set aside for it
--      goes back to the user's hour meanwhile, and is asked for again by `admit`
-- ARGV[5] the most that it may cost, nano-dollars; empty when it waits
-- ARGV[6] what the calls before it cost, or may have cost; empty when it waits
-- Answers 'marked'; 'lost' when the request is no longer this attempt's, 'unaffordable' when the user's
-- hour does not cover the call: then it writes nothing. The same again when asked again.
-- O(1). What has left the user's hour and is not counted off yet counts here: it is seen too full, never
-- too empty.

local record = redis.call('HMGET', KEYS[1], 'state', 'boot', 'attempt', 'reserved')
if (record[1] ~= 'running' and record[1] ~= 'parked') or record[2] ~= ARGV[1]
    or record[3] ~= ARGV[2] then
    return 'lost'
end
redis.call('HEXISTS', KEYS[2], 'parked')
redis.call('HEXISTS', KEYS[3], 'reserved_nanousd')
if ARGV[5] == '' then
    redis.call('HDEL', KEYS[1], 'calling')
    redis.call('HSET', KEYS[1], 'state', ARGV[3])
    if ARGV[4] == 'free' and record[4] and record[4] ~= '0' then
        redis.call('HINCRBY', KEYS[3], 'reserved_nanousd', '-' .. record[4])
        redis.call('HSET', KEYS[1], 'reserved', '0')
    end
else
    local more = tonumber(ARGV[5]) + tonumber(ARGV[6]) - (tonumber(record[4]) or 0)
    local cost = redis.call('HMGET', KEYS[3], 'settled_nanousd', 'reserved_nanousd', 'limit_nanousd')
    -- Where cost is not limited nothing is set aside.
    local isLimited = cost[3] and record[4] and record[4] ~= '0'
    if isLimited and more > 0 then
        if (tonumber(cost[1]) or 0) + (tonumber(cost[2]) or 0) + more > tonumber(cost[3]) then
            return 'unaffordable'
        end
        redis.call('HINCRBY', KEYS[1], 'reserved', string.format('%.0f', more))
        redis.call('HINCRBY', KEYS[3], 'reserved_nanousd', string.format('%.0f', more))
    end
    redis.call('HSET', KEYS[1], 'state', ARGV[3], 'call', ARGV[4], 'calling', ARGV[5])
    if ARGV[6] ~= '0' then redis.call('HSET', KEYS[1], 'spent', ARGV[6]) end
end
if record[1] ~= ARGV[3] then
    redis.call('HINCRBY', KEYS[2], 'parked', ARGV[3] == 'parked' and 1 or -1)
end
return 'marked'
