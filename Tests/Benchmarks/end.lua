-- What the C program of the bench ends a job with: the answer, its expiry, the acknowledgement, no more.
--
-- KEYS[1] the request stream        KEYS[2] the reply stream
-- ARGV[1] group      ARGV[2] entry ID     ARGV[3] event        ARGV[4] request_id
-- ARGV[5] attempt    ARGV[6] payload      ARGV[7] reply TTL, milliseconds
-- ARGV[8] traceparent, or empty           ARGV[9] tracestate, or empty
-- Answers 'committed'; 'already' when the entry was not pending, and then writes nothing;
-- 'unwritable' when the reply's key is no stream, and then writes nothing either.
-- O(1) in the number of entries; the payload is copied once.
--
-- The acknowledgement comes first: Redis refuses a script's first write when memory is full, unless
-- that write frees some, and a script that has written may go on writing. So a full Redis loses no
-- answer that was paid for. What could fail is looked at before: Lua has no way back.

local kind = redis.call('TYPE', KEYS[2])['ok']
if kind ~= 'none' and kind ~= 'stream' then
    return 'unwritable'
end
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then
    return 'already'
end
local time = redis.call('TIME')
local at = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
local entry = {
    'event', ARGV[3], 'request_id', ARGV[4], 'attempt', ARGV[5], 'at', at, 'v', '1',
    'payload', ARGV[6],
}
if ARGV[8] ~= '' then
    entry[#entry + 1] = 'traceparent'
    entry[#entry + 1] = ARGV[8]
    if ARGV[9] ~= '' then
        entry[#entry + 1] = 'tracestate'
        entry[#entry + 1] = ARGV[9]
    end
end
redis.call('XADD', KEYS[2], '*', unpack(entry))
redis.call('PEXPIRE', KEYS[2], ARGV[7])
redis.call('XDEL', KEYS[1], ARGV[2])
return 'committed'
