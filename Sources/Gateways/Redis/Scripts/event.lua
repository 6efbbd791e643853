-- event: adds an event that ends nothing, while the request is still this attempt's.
--
-- KEYS[1] the record                KEYS[2] the reply stream
-- ARGV[1] boot       ARGV[2] event        ARGV[3] request_id   ARGV[4] attempt
-- ARGV[5] payload    ARGV[6] when the stream may go, Unix ms   ARGV[7] traceparent, or empty
-- Answers 1; 0 when the request is another attempt's or has ended, or the reply's key is no stream:
-- then nothing is written, so that nothing comes after a terminal event.
-- O(1).

local kind = redis.call('TYPE', KEYS[2])['ok']
if kind ~= 'none' and kind ~= 'stream' then
    return 0
end
local record = redis.call('HMGET', KEYS[1], 'state', 'boot', 'attempt')
if record[1] ~= 'running' or record[2] ~= ARGV[1] or record[3] ~= ARGV[4] then
    return 0
end
local time = redis.call('TIME')
local at = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
local entry = {
    'event', ARGV[2], 'request_id', ARGV[3], 'attempt', ARGV[4], 'at', at, 'v', '1',
    'payload', ARGV[5],
}
if ARGV[7] ~= '' then
    entry[#entry + 1] = 'traceparent'
    entry[#entry + 1] = ARGV[7]
end
redis.call('XADD', KEYS[2], '*', unpack(entry))
redis.call('PEXPIREAT', KEYS[2], ARGV[6])
return 1
