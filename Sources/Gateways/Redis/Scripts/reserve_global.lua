-- reserve_global: one call's turn in the fleet's pace, and its share of the fleet's hour.
--
-- KEYS[1] cost           KEYS[2] reservations           KEYS[3] spend by the second
-- KEYS[4] calls by the second       KEYS[5] the books that are open; all five are hashes
-- ARGV[1] the reservation's name: p:request_id:attempt:call
-- ARGV[2] least and ARGV[3] most that the call may cost, nano-dollars
-- ARGV[4] deadline, Unix ms       ARGV[5] nano-dollars an hour, empty when cost is not limited
-- ARGV[6] calls a minute, empty when they are not paced     ARGV[7] now, Unix ms; empty except in tests
-- ARGV[8] its priority: high, normal or low                 ARGV[9…11] weights of high, normal and low
-- ARGV[12] 1 when nothing may be spent while the partition's books are not open: Redis had lost them
-- Answers
--   'granted', nano-dollars reserved; the same again when asked again
--   'pace', ms: ask again then (-1: never): the minute is full, or the next turn is another priority's,
--       or `low` has had its turn just now
--   'wait', ms: only unsettled reservations keep it out, or seconds that have left the hour and are too
--       many to be counted off in one call
--   'refused', nano-dollars left, ms until it may be tried again (-1: never): exact where enough leaves
--       within 100 seconds of the first that is counted, else when it may be asked again to see more
-- O(1): at most 100 seconds leave a window in one call. While more are due it is seen too full, never
-- too empty. A second leaves when all of it is an hour, or a minute, old.
--
-- Turns are given by weight among the priorities that wait, in the whole fleet: each has a clock that a
-- turn moves on by 1 / weight, and the one whose clock is least after a turn goes first (`Turns` in
-- Policy). Who was told to come again is waited for until then. `low` gets its turns evenly over the minute, so that
-- a crowd in it never leaves the others without a turn to come.

local STEPS_MAX = 100
local HOUR, MINUTE = 3600, 60
-- One turn at weight 1. How long who was told to come again may be late. How soon who lets another
-- priority go first asks again. How much of its minute `low` may have at once.
local STRIDE, LATE_MS, YIELD_MS, AT_ONCE_MS = 1000000, 250, 50, 1000
local now = tonumber(ARGV[7])
if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local second = math.floor(now / 1000)
local function decimal(number) return string.format('%.0f', number) end

local earlier = redis.call('HGET', KEYS[2], ARGV[1])
if earlier then
    return { 'granted', string.match(earlier, '^%d+') }
end

if ARGV[12] == '1' and redis.call('HEXISTS', KEYS[5], string.match(ARGV[1], '^%d+')) == 0 then
    return { 'refused', '0', '1000' }
end

-- What leaves a window of `span` seconds: the fields to delete, their sum, and where it begins then.
local function leaving(key, span)
    local edge = redis.call('HMGET', key, 'from', 'last')
    local from, last = tonumber(edge[1]), tonumber(edge[2])
    local gone = { sum = 0, from = from or second, was = from, fields = {} }
    if not from or second - last > span then
        gone.isAll, gone.from = true, second
    else
        local stop = math.min(second - span, from + STEPS_MAX)
        while gone.from < stop do
            local amount = redis.call('HGET', key, decimal(gone.from))
            if amount then
                gone.sum = gone.sum + tonumber(amount)
                gone.fields[#gone.fields + 1] = decimal(gone.from)
            end
            gone.from = gone.from + 1
        end
    end
    return gone
end

-- What has left goes whatever the answer is, else a full window would stay so.
local function age(key, window)
    if window.isAll then
        redis.call('DEL', key)
    elseif #window.fields > 0 then
        redis.call('HDEL', key, unpack(window.fields))
    end
    if window.from ~= window.was and not window.isAll then
        redis.call('HSET', key, 'from', decimal(window.from))
    end
end

-- When enough has left a window, ms from now; where that is further than one call looks, when it may
-- be asked again to see more.
local function untilLeft(key, span, from, amount)
    local sum, at = 0, from
    while at < from + STEPS_MAX and at <= second do
        sum = sum + (tonumber(redis.call('HGET', key, decimal(at))) or 0)
        if sum >= amount then break end
        at = at + 1
    end
    return math.max((at + 1 + span) * 1000 - now, 1)
end

-- The order of turns among the priorities.
local ranks, names = { high = 1, normal = 2, low = 3 }, { 'high', 'normal', 'low' }
local rank, start, even, clocks, strides, late = ranks[ARGV[8]], 0, 0, {}, {}, {}

-- How long this priority must let others go first, ms; 0 when it need not.
local function yields(pace)
    local fields = redis.call('HMGET', KEYS[4], 'start', 'even', 'clock:high', 'clock:normal',
        'clock:low', 'waits:high', 'waits:normal', 'waits:low')
    start, even = tonumber(fields[1]) or 0, tonumber(fields[2]) or 0
    local sum, wait = 0, 0
    for index = 1, 3 do
        local weight = tonumber(ARGV[8 + index])
        clocks[index] = math.max(tonumber(fields[2 + index]) or start, start)
        strides[index] = math.floor(STRIDE / weight)
        late[index] = (tonumber(fields[5 + index]) or 0) - now
        sum = sum + weight
    end
    -- Where turns come faster than they can be asked for one by one, a tenth of a second's go at once.
    local slack = math.floor(pace / 600) * math.floor(STRIDE / sum)
    for index = 1, 3 do
        local ahead = clocks[rank] + strides[rank] - clocks[index] - strides[index] - slack
        if index ~= rank and late[index] > 0 and (ahead > 0 or (ahead == 0 and index < rank)) then
            wait = math.max(wait, math.min(YIELD_MS, late[index]))
        end
    end
    return wait
end

-- Who must wait for a turn that comes is waited for by the others.
local function comesAgain(wait)
    redis.call('HSET', KEYS[4], 'waits:' .. names[rank], decimal(now + wait + LATE_MS))
    redis.call('PEXPIRE', KEYS[4], 2 * MINUTE * 1000)
    return { 'pace', decimal(wait) }
end

local pace, paced, calls = tonumber(ARGV[6]), nil, 0
if pace then
    paced = leaving(KEYS[4], MINUTE)
    calls = paced.isAll and 0 or (tonumber(redis.call('HGET', KEYS[4], 'total')) or 0) - paced.sum
    if pace == 0 then
        return { 'pace', '-1' }
    end
    local wait = yields(pace)
    if calls >= pace then
        return comesAgain(untilLeft(KEYS[4], MINUTE, paced.from, calls - pace + 1))
    elseif rank == 3 and even - now > AT_ONCE_MS then
        -- Nobody lets it go first before that.
        return { 'pace', decimal(math.ceil(even - now - AT_ONCE_MS)) }
    elseif wait > 0 then
        return comesAgain(wait)
    end
end

local HELD_MS, BEHIND_MS = '250', '1'
local limit, least, grant = tonumber(ARGV[5]), tonumber(ARGV[2]), tonumber(ARGV[3])
local aged, known
if limit then
    aged = leaving(KEYS[3], HOUR)
    local cost = redis.call('HMGET', KEYS[1], 'settled_nanousd', 'reserved_nanousd', 'limit_nanousd')
    local settled, reserved = (tonumber(cost[1]) or 0), tonumber(cost[2]) or 0
    aged.sum = aged.isAll and settled or aged.sum
    settled, known = settled - aged.sum, cost[3]
    local room, ever = limit - settled - reserved, limit - settled
    if room < grant then
        local function kept(...)
            age(KEYS[3], aged)
            if aged.sum > 0 then
                redis.call('HINCRBY', KEYS[1], 'settled_nanousd', decimal(-aged.sum))
            end
            return { ... }
        end
        if least > limit then
            return kept('refused', decimal(math.max(room, 0)), '-1')
        elseif not aged.isAll and aged.from < second - HOUR then
            return kept('wait', BEHIND_MS)
        elseif ever < least then
            local wait = untilLeft(KEYS[3], HOUR, aged.from, least - ever)
            return kept('refused', decimal(math.max(room, 0)), decimal(wait))
        elseif ever >= grant or room < least then
            return kept('wait', HELD_MS)
        end
        grant = room
    end
end

-- The first write is one that Redis refuses when memory is full.
if limit then
    redis.call('HSET', KEYS[2], ARGV[1], decimal(grant) .. ':' .. ARGV[4])
    redis.call('HINCRBY', KEYS[1], 'reserved_nanousd', decimal(grant))
    if known ~= decimal(limit) then redis.call('HSET', KEYS[1], 'limit_nanousd', decimal(limit)) end
    if aged.sum > 0 then redis.call('HINCRBY', KEYS[1], 'settled_nanousd', decimal(-aged.sum)) end
    age(KEYS[3], aged)
end
if pace then
    age(KEYS[4], paced)
    redis.call('HINCRBY', KEYS[4], decimal(second), 1)
    clocks[rank] = clocks[rank] + strides[rank]
    -- Who is idle begins where the first is that is not.
    local first = clocks[rank]
    for index = 1, 3 do
        if late[index] > 0 then first = math.min(first, clocks[index]) end
    end
    start = math.max(start, first)
    -- A second counts until all of it is a minute old, so an even turn is the 61st part of them.
    if rank == 3 then even = math.max(even, now) + (MINUTE + 1) * 1000 / pace end
    redis.call('HSET', KEYS[4], 'from', decimal(paced.from), 'last', decimal(second),
        'total', decimal(calls + 1), 'start', decimal(start),
        'clock:' .. names[rank], decimal(clocks[rank]), 'waits:' .. names[rank], '0',
        'even', string.format('%.3f', even))
    redis.call('PEXPIRE', KEYS[4], 2 * MINUTE * 1000)
end
return { 'granted', decimal(grant) }
