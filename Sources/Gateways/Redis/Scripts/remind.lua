-- remind: tells who asks again after the answer has gone that the request has ended. Once, while that
-- can be read; after that only its expiry is renewed.
--
-- KEYS[1] the request stream        KEYS[2] the reply stream        KEYS[3] the record
-- KEYS[4] counters
-- ARGV[1] group      ARGV[2] entry ID     ARGV[3] request_id   ARGV[4] payload
-- ARGV[5] reply TTL, ms                   ARGV[6] traceparent, or empty
-- ARGV[7] the entry's stream: retry, high, normal or low
-- Answers 'reminded'; 'already' when the entry was not pending; 'unwritable' when the reply's key is no
-- stream, or the record is not of an ended request: then nothing is written.
-- O(1).

local kind = redis.call('TYPE', KEYS[2])['ok']
local record = redis.call('HMGET', KEYS[3], 'state', 'attempt')
if (kind ~= 'none' and kind ~= 'stream') or record[1] ~= 'ended' then
    return 'unwritable'
end
redis.call('HEXISTS', KEYS[4], 'ended')
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then
    return 'already'
end
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('HINCRBY', KEYS[4], 'duplicate:' .. ARGV[7], 1)
if kind == 'none' then
    local time = redis.call('TIME')
    local at = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
    local entry = {
        'event', 'rejected', 'request_id', ARGV[3], 'attempt', record[2] or '1', 'at', at, 'v', '1',
        'payload', ARGV[4],
    }
    if ARGV[6] ~= '' then
        entry[#entry + 1] = 'traceparent'
        entry[#entry + 1] = ARGV[6]
    end
    redis.call('XADD', KEYS[2], '*', unpack(entry))
end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 'reminded'
