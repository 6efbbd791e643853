-- settle_global: what a call cost in place of what was reserved for it. Once: whoever comes second
-- finds no reservation, and adds nothing.
--
-- KEYS[1] cost           KEYS[2] reservations           KEYS[3] spend by the second; all are hashes
-- ARGV[1] the reservation's name: p:request_id:attempt:call      ARGV[2] its cost, nano-dollars
-- ARGV[3] now, Unix ms; empty except in tests
-- Answers 'settled', or 'already'.
-- O(1).
--
-- With no limit on the fleet's cost nothing was reserved, and nothing is counted.

local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held then
    return 'already'
end
local now = tonumber(ARGV[3])
if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local second = string.format('%.0f', math.floor(now / 1000))
redis.call('HEXISTS', KEYS[1], 'reserved_nanousd')
local from = redis.call('HGET', KEYS[3], 'from')

redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[1], 'reserved_nanousd', '-' .. string.match(held, '^%d+'))
if ARGV[2] ~= '0' then
    redis.call('HINCRBY', KEYS[1], 'settled_nanousd', ARGV[2])
    redis.call('HINCRBY', KEYS[3], second, ARGV[2])
    redis.call('HSET', KEYS[3], 'last', second)
    if not from then redis.call('HSET', KEYS[3], 'from', second) end
    redis.call('PEXPIRE', KEYS[3], 7200000)
end
return 'settled'
