-- admit: takes a request into the books: who owns it, its place in the user's hour, what it may cost.
-- Begins with ending.lua.
--
-- KEYS[1…4] the request streams retry, high, normal, low
-- KEYS[5] the record     KEYS[6] the reply stream        KEYS[7] user's requests of the last hour
-- KEYS[8] user's cost    KEYS[9] user's cost log         KEYS[10] user's profile
-- KEYS[11] counters      KEYS[12] requests by deadline   KEYS[13] a worker's sign of life
-- KEYS[14] the ledger's outbox          KEYS[15] the mark that it is taken back
-- KEYS[16] the mark that its batch is, and KEYS[17…26] its batch's, where it is a member of one
-- ARGV[1] group          ARGV[2] entry ID    ARGV[3] its stream: retry, high, normal or low
-- ARGV[4] consumer       ARGV[5] boot        ARGV[6] user          ARGV[7] payload hash
-- ARGV[8] request_id     ARGV[9] attempt     ARGV[10] deadline, Unix ms
-- ARGV[11] least and ARGV[12] most that its first call may cost, nano-dollars
-- ARGV[13] 1 when requests are limited, empty for a batch's envelope, which takes no place
-- ARGV[14] 1 when cost is limited
-- ARGV[15] default tier  ARGV[16] the most that one user may spend of the global budget, nano-dollars
-- ARGV[17] reply TTL and ARGV[18] time that an ended request is remembered, both ms
-- ARGV[19] 1 when it may wait for other requests' reservations
-- ARGV[20] the owner whose sign of life is KEYS[13]; empty at first
-- ARGV[21] now, Unix ms; empty except in tests
-- ARGV[22] its place in a batch, or empty    ARGV[23] how long a batch's members are waited for, ms
-- ARGV[24] the request that it is a replay of, or empty
-- ARGV[25] the tier that its token claims, or empty: it stands above the profile's, and above what the
-- profile has beside it     ARGV[26] its claims, sealed, or empty
-- ARGV[27…] tiers: name, requests an hour, nano-dollars an hour, in turn
-- Answers
--   'granted', attempt, nano-dollars reserved, deadline, tier, requests left, nano-dollars left beside
--       this reservation, which is not taken off, when the first request leaves the hour (Unix ms),
--       and of a dead attempt that this one takes over: its number, its call's number, and what that
--       is charged at, 0 when it was not at the model; empty, empty, 0 when it is asked again;
--       and how many calls this attempt has made, before it was handed back; and the approval level
--       of the user's profile, or empty
--   'wait', ms: only other requests' reservations keep it out, or costs that have left the hour and
--       are too many to be counted off in one call; its place in the hour is taken
--   'refused', 'requests' | 'cost', tier, left, ms until it may be tried again (-1: never): a new
--       request is not kept, nor one that waited; one that was taken over waits for its end, by
--       `commit` without a boot. The ms are exact, unless reservations keep it out (then 1000), or
--       more than 100 costs must leave first (then it is told more the next time)
--   'lost': the entry is not this consumer's    'duplicate': acknowledged and deleted, adds nothing
--   'returned': given back to its living owner  'owner', name: ask again with that worker's sign of life
--   'cancelled', who took it back, a JSON value: nothing is kept
--   'conflict': the id is another request's     'expired', code, nano-dollars: ended, and its answer is gone
-- O(log n) in the user's requests and costs of an hour; at most 100 of each are pruned.

local HOUR = 3600000
local PRUNED_MAX = 100
local streams = { retry = 1, high = 2, normal = 3, low = 4 }
local stream = KEYS[streams[ARGV[3]]]
local group, id, consumer, boot = ARGV[1], ARGV[2], ARGV[4], ARGV[5]

local now = present(ARGV[21])

local pending = redis.call('XPENDING', stream, group, id, id, 1, consumer)
if #pending == 0 then
    return { 'lost' }
end
redis.call('HEXISTS', KEYS[11], 'admitted')
redis.call('ZSCORE', KEYS[12], ARGV[8])
redis.call('XLEN', KEYS[14])

local record = redis.call('HMGET', KEYS[5], 'state', 'user', 'hash', 'attempt', 'owner', 'boot',
    'entry', 'queue', 'reserved', 'deadline', 'code', 'cost', 'calling', 'call', 'batch', 'spent')
local state, attempt, owner, entry = record[1], tonumber(record[4]), record[5], record[7]

local member = memberOf(ARGV[22], 17)
local stranger = state and (record[15] or '') ~= ARGV[22] and member

local function drop(answer)
    redis.call('XACK', stream, group, id)
    redis.call('XDEL', stream, id)
    redis.call('HINCRBY', KEYS[11], 'duplicate:' .. ARGV[3], 1)
    endStranger(stranger, ARGV[8], now)
    return answer
end

local isTakenOver = false
if state then
    if record[2] ~= ARGV[6] or record[3] ~= ARGV[7] then
        endStranger(stranger, ARGV[8], now)
        return { 'conflict' }
    end
    if state == 'ended' then
        if redis.call('EXISTS', KEYS[6]) == 0 then
            endStranger(stranger, ARGV[8], now)
            return { 'expired', record[11] or '', record[12] or '0' }
        end
        redis.call('PEXPIRE', KEYS[6], ARGV[17])
        return drop({ 'duplicate' })
    end
    if state == 'expanded' then
        return drop({ 'duplicate' })
    end
    -- Two streams may have entries with one ID.
    local isHere = entry == id and record[8] == ARGV[3]
    if not isHere then
        -- Another entry of the same request. It adds nothing, unless the first has vanished.
        local index = streams[record[8]]
        local runsHere = state ~= 'waiting' and record[6] == boot
        if runsHere or #redis.call('XRANGE', KEYS[index], entry, entry) > 0 then
            return drop({ 'duplicate' })
        end
    end
    if state ~= 'waiting' and record[6] ~= boot then
        -- Another boot of one's own name is dead: no two processes that live have the same.
        if owner ~= consumer then
            if ARGV[20] ~= owner then
                return { 'owner', owner }
            end
            if redis.call('EXISTS', KEYS[13]) == 1 then
                if isHere then
                    redis.call('XCLAIM', stream, group, owner, 0, id, 'JUSTID')
                    return { 'returned' }
                end
                return drop({ 'duplicate' })
            end
        end
        isTakenOver = true
    end
else
    local by = redis.call('GET', KEYS[15]) or (member and redis.call('GET', KEYS[16]))
    if by then
        return { 'cancelled', by }
    end
end

-- The hour's limits of this user's tier.
local profile = redis.call('HMGET', KEYS[10], 'tier', 'requests_per_hour', 'cost_per_hour_nanousd',
    'approval_level')
-- The user's own, whatever tier a token claims.
local level = profile[4] or ''
local tiers = {}
for index = 27, #ARGV, 3 do
    tiers[ARGV[index]] = { tonumber(ARGV[index + 1]), tonumber(ARGV[index + 2]) }
end
local tier = profile[1]
if not tier or not tiers[tier] then
    tier = ARGV[15]
end
if tiers[ARGV[25]] and ARGV[25] ~= tier then
    tier, profile = ARGV[25], {}
end
local requestsMax = tonumber(profile[2]) or tiers[tier][1]
local costMax = math.min(tonumber(profile[3]) or tiers[tier][2], tonumber(ARGV[16]))

-- What has left the hour. While more is due than one call prunes, cost is seen too high, never too
-- low. When nothing else is in the log, all that was settled has left: the log may have expired.
local horizon = now - HOUR
local gone, spent, count = {}, {}, 0
-- Of most users nothing has left, and then the first tells so.
local oldest = tonumber(redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', '+inf', 'WITHSCORES',
    'LIMIT', 0, 1)[2])
if oldest and oldest <= horizon then
    gone = redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', horizon, 'LIMIT', 0, PRUNED_MAX)
    count = redis.call('ZCOUNT', KEYS[7], '(' .. decimal(horizon), '+inf')
    oldest = tonumber(redis.call('ZRANGEBYSCORE', KEYS[7], '(' .. decimal(horizon), '+inf',
        'WITHSCORES', 'LIMIT', 0, 1)[2])
elseif oldest then
    count = redis.call('ZCARD', KEYS[7])
end
local cost = redis.call('HMGET', KEYS[8], 'settled_nanousd', 'reserved_nanousd', 'limit_nanousd')
local settled, reserved = tonumber(cost[1]) or 0, tonumber(cost[2]) or 0
local freed, isBehind = 0, false
if cost[1] then
    spent = redis.call('ZRANGEBYSCORE', KEYS[9], '-inf', horizon, 'LIMIT', 0, PRUNED_MAX)
    if #spent == redis.call('ZCARD', KEYS[9]) then
        freed = settled
    else
        for _, member in ipairs(spent) do
            freed = freed + tonumber(string.match(member, '^%d+'))
        end
    end
    isBehind = #spent == PRUNED_MAX
        and redis.call('ZCOUNT', KEYS[9], '-inf', decimal(horizon)) > PRUNED_MAX
else
    -- Nothing was settled yet; the log is written to when that changes.
    redis.call('ZCARD', KEYS[9])
end
settled = settled - freed
local held = tonumber(record[9]) or 0

local function prune()
    if #gone > 0 then redis.call('ZREM', KEYS[7], unpack(gone)) end
    if #spent > 0 then redis.call('ZREM', KEYS[9], unpack(spent)) end
    if freed ~= 0 then redis.call('HINCRBY', KEYS[8], 'settled_nanousd', decimal(-freed)) end
end

-- A dead attempt that was at the model is charged at its reservation, and the house pays.
local function charge()
    if isTakenOver and record[13] then
        local whole = inAll(record[13], record[16])
        redis.call('HDEL', KEYS[5], 'calling', 'spent')
        redis.call('XADD', KEYS[14], '*', 'request_id', ARGV[8], 'user', ARGV[6],
            'attempt', attempt, 'terminal', '0', 'event', 'lost', 'payer', 'house',
            'cost_nanousd', whole, 'estimated', '1', 'call', record[14],
            'earlier_nanousd', record[16] or '0', 'owner', owner, 'at', decimal(now))
        paid(KEYS[11], 'house', whole)
    end
end

-- What has left the hour goes also then, else who is far over his limit would never be below it.
local function refused(what, left, wait)
    if state == 'parked' then
        -- What a request that waited has taken goes back: it ends without a call.
        redis.call('ZREM', KEYS[7], ARGV[8])
        redis.call('ZREM', KEYS[12], ARGV[8])
        redis.call('DEL', KEYS[5])
        redis.call('HINCRBY', KEYS[11], 'admitted', -1)
        redis.call('HINCRBY', KEYS[11], 'parked', -1)
    elseif isTakenOver then
        redis.call('HDEL', KEYS[5], 'owner', 'boot', 'call')
        charge()
        redis.call('HSET', KEYS[5], 'state', 'waiting', 'attempt', attempt + 1, 'entry', id,
            'queue', ARGV[3], 'reserved', '0')
    end
    if held > 0 and (state == 'parked' or isTakenOver) then
        redis.call('HINCRBY', KEYS[8], 'reserved_nanousd', decimal(-held))
    end
    prune()
    return { 'refused', what, tier, decimal(left), decimal(wait) }
end

-- A place in the request window is taken once; a request that is run again has it already.
local isNew = not state
if isNew and ARGV[13] == '1' and count >= requestsMax then
    local wait = -1
    if requestsMax > 0 then
        local first = redis.call('ZRANGEBYSCORE', KEYS[7], '(' .. decimal(horizon), '+inf',
            'WITHSCORES', 'LIMIT', count - requestsMax, 1)
        wait = tonumber(first[2]) + HOUR - now
    end
    return refused('requests', 0, wait)
end

-- What it may cost: all it asks for, else what is left, else it waits or goes.
local least, most = tonumber(ARGV[11]), tonumber(ARGV[12])
local grant, mustWait = most, false
if state == 'running' and not isTakenOver then
    -- The same process asks again because the first answer was lost: it gets the same.
    grant = held > 0 and held or most
elseif ARGV[14] == '1' then
    local room = costMax - settled - (reserved - held)
    local ever = costMax - settled
    if room < most then
        local mayGrow = isBehind or ever >= most or (ever >= least and room < least)
        if mayGrow and ARGV[19] == '1' then
            mustWait = true
        elseif room >= least then
            grant = room
        else
            local wait = 1000
            if least > costMax then
                wait = -1
            elseif isBehind then
                wait = 1
            elseif ever < least then
                local due, sum = least - ever, 0
                local log = redis.call('ZRANGEBYSCORE', KEYS[9], '(' .. decimal(horizon), '+inf',
                    'WITHSCORES', 'LIMIT', 0, PRUNED_MAX)
                for index = 1, #log, 2 do
                    sum = sum + tonumber(string.match(log[index], '^%d+'))
                    wait = tonumber(log[index + 1]) + HOUR - now
                    if sum >= due then break end
                end
            end
            return refused('cost', math.max(room, 0), wait)
        end
    end
end

-- From here on it writes. The first write is one that Redis refuses when memory is full.
local attemptNow = attempt or tonumber(ARGV[9])
if isTakenOver then attemptNow = attemptNow + 1 end
local deadline = record[10] or ARGV[10]
local newState = mustWait and 'parked' or 'running'
redis.call('HSET', KEYS[5], 'state', newState, 'user', ARGV[6], 'hash', ARGV[7], 'attempt', attemptNow,
    'owner', consumer, 'boot', boot, 'entry', id, 'queue', ARGV[3], 'deadline', deadline,
    'reserved', (mustWait or ARGV[14] ~= '1') and '0' or decimal(grant))
redis.call('PEXPIREAT', KEYS[5], decimal(tonumber(deadline) + tonumber(ARGV[18])))
redis.call('ZADD', KEYS[12], deadline, ARGV[8])
prune()
if ARGV[26] ~= '' then
    redis.call('HSET', KEYS[5], 'seal', ARGV[26])
end
if isNew then
    redis.call('HINCRBY', KEYS[11], 'admitted', 1)
    rememberReplay(KEYS[5], ARGV[24])
    if ARGV[13] ~= '' then
        redis.call('ZADD', KEYS[7], now, ARGV[8])
        redis.call('PEXPIRE', KEYS[7], HOUR)
        count, oldest = count + 1, math.min(oldest or now, now)
    end
    if member then
        redis.call('HSET', KEYS[5], 'batch', ARGV[22])
        sight(member, ARGV[8], now, tonumber(ARGV[23]), ARGV[17])
    end
else
    endStranger(stranger, ARGV[8], now)
end
if mustWait ~= (state == 'parked') then
    redis.call('HINCRBY', KEYS[11], 'parked', mustWait and 1 or -1)
end
charge()
-- A new attempt numbers its calls from 1.
if isTakenOver then redis.call('HDEL', KEYS[5], 'call') end
if ARGV[14] == '1' or held > 0 then
    local change = ((mustWait or ARGV[14] ~= '1') and 0 or grant) - held
    if change ~= 0 then redis.call('HINCRBY', KEYS[8], 'reserved_nanousd', decimal(change)) end
    if cost[3] ~= decimal(costMax) then
        redis.call('HSET', KEYS[8], 'limit_nanousd', decimal(costMax))
    end
    -- Who ends a request finds what it reserved: this lives as long as any of the user's records, and
    -- a short request's does not shorten it.
    local lasts = math.max(tonumber(deadline), now) + math.max(2 * HOUR, tonumber(ARGV[18]))
    if lasts > redis.call('PEXPIRETIME', KEYS[8]) then
        redis.call('PEXPIREAT', KEYS[8], decimal(lasts))
    end
end
if mustWait then
    return { 'wait', isBehind and '1' or '250' }
end
-- Not at the model, the dead one may have had its turn for it already; nothing was sent.
local call = record[13] and record[14] or (tonumber(record[14]) or 0) + 1
local resets = oldest and decimal(oldest + HOUR) or '0'
return {
    'granted', attemptNow, decimal(grant), deadline, tier, decimal(math.max(requestsMax - count, 0)),
    decimal(math.max(costMax - settled - (reserved - held), 0)), resets,
    isTakenOver and attempt or '', isTakenOver and call or '', isTakenOver and record[13] or '0',
    not isTakenOver and record[14] or '0', level,
}
