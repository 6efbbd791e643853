-- share: who asked for all tells what came of it: an answer for whoever asks the same, or that somebody
-- else is to ask. Also said in the name of one that is dead.
--
-- KEYS[1] the question's hash
-- ARGV[1] who leads, as in `join`      ARGV[2] the answer, as the model gave it; empty when there is none
-- ARGV[3] the endpoint and ARGV[4] the model that gave it, or both empty
-- ARGV[5] how long it is kept, ms      ARGV[6] now, Unix ms; empty except in tests
-- Answers 'shared' or 'left'; 'lost' when it does not lead any more: then nothing was written.
-- O(1).

if redis.call('HGET', KEYS[1], 'leader') ~= ARGV[1] then return 'lost' end
if ARGV[2] == '' then
    redis.call('HDEL', KEYS[1], 'leader', 'until')
    return 'left'
end
local now = ARGV[6]
if now == '' then
    local time = redis.call('TIME')
    now = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
end
redis.call('HSET', KEYS[1], 'answer', ARGV[2], 'at', now, 'endpoint', ARGV[3], 'model', ARGV[4])
redis.call('HDEL', KEYS[1], 'leader', 'until')
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 'shared'
