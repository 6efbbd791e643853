-- event: adds an event that ends nothing, while the request is still this worker's.
--
-- KEYS[1] the request stream        KEYS[2] the reply stream
-- ARGV[1] group      ARGV[2] entry ID     ARGV[3] event        ARGV[4] request_id
-- ARGV[5] attempt    ARGV[6] payload      ARGV[7] when the stream may go, Unix milliseconds
-- ARGV[8] traceparent, or empty           ARGV[9] consumer
-- Answers 1; 0 when the entry is not pending for this consumer, or the reply's key is no stream:
-- then nothing is written, so that nothing comes after a terminal event.
-- O(1).

local kind = redis.call('TYPE', KEYS[2])['ok']
if kind ~= 'none' and kind ~= 'stream' then
    return 0
end
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1, ARGV[9]) == 0 then
    return 0
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
end
redis.call('XADD', KEYS[2], '*', unpack(entry))
redis.call('PEXPIREAT', KEYS[2], ARGV[7])
return 1
