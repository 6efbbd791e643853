-- reap: removes a consumer that is gone and has nothing pending, from all streams of a partition.
--
-- KEYS[1…4] the request streams retry, high, normal, low
-- KEYS[5] the consumer's sign of life     KEYS[6] the supervisors' lease
-- KEYS[7] the entry that it ran alone      KEYS[8] counters
-- ARGV[1] group      ARGV[2] consumer     ARGV[3] the lease's token
-- ARGV[4] now, Unix ms; empty except in tests
-- Answers the number of streams whose group does not have it now; -1 when another supervisor has the
-- lease; 0 when it lives. That it is gone, and when, is counted, for whoever wonders why others wait.
-- O(consumers). Looking and removing are one step: XGROUP DELCONSUMER drops what is pending, for ever.

if redis.call('HGET', KEYS[6], 'token') ~= ARGV[3] then
    return -1
end
if redis.call('EXISTS', KEYS[5]) == 1 then
    return 0
end
local function stands(stream)
    local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, ARGV[1])
    for _, consumer in ipairs(consumers.err and {} or consumers) do
        for index = 1, #consumer, 2 do
            if consumer[index] == 'name' and consumer[index + 1] == ARGV[2] then
                return true
            end
        end
    end
    return false
end
redis.call('HEXISTS', KEYS[8], 'workers_gone')
local stood = stands(KEYS[1]) or stands(KEYS[2]) or stands(KEYS[3]) or stands(KEYS[4])
local removed = 0
for index = 1, 4 do
    local pending = redis.pcall('XPENDING', KEYS[index], ARGV[1], '-', '+', 1, ARGV[2])
    -- Without a stream or a group there is nothing to remove.
    if not pending.err and #pending == 0 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[index], ARGV[1], ARGV[2])
        removed = removed + 1
    end
end
-- Nothing is pending that the mark could be asked about.
if removed == 4 then
    redis.call('DEL', KEYS[7])
    if stood then
        local now = ARGV[4]
        if now == '' then
            local time = redis.call('TIME')
            now = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
        end
        redis.call('HINCRBY', KEYS[8], 'workers_gone', 1)
        redis.call('HSET', KEYS[8], 'workers_gone_ms', now)
    end
end
return removed
