-- requeue: takes an entry from a worker that is gone, or hands one's own back, and adds it to the retry
-- stream, to be read before all others.
--
-- KEYS[1] the request stream        KEYS[2] the retry stream        KEYS[3] the record
-- KEYS[4] user's cost    KEYS[5] the ledger's outbox                KEYS[6] counters
-- KEYS[7] the owner's sign of life  KEYS[8] what was taken from it  KEYS[9] the supervisors' lease
-- KEYS[10] what the owner runs alone
-- ARGV[1] group      ARGV[2] entry ID     ARGV[3] the entry's stream: retry, high, normal or low
-- ARGV[4] owner      ARGV[5] why: 'dead' (its sign of life is gone), 'overdue' (its deadline is long
--         past), 'release' (the owner itself hands it back, and no attempt is charged)
-- ARGV[6] request_id, or empty            ARGV[7] user by the record, or empty
-- ARGV[8] the lease's token; empty for 'release'       ARGV[9] boot, for 'release'
-- ARGV[10] attempts at the most           ARGV[11] now, Unix ms; empty except in tests
-- ARGV[12] the entry's claims as the caller sealed them, or empty: then the record's, or the entry's own
-- Answers
--   'requeued', the new entry's ID, its attempt; then of the attempt that ended: its number, its call's
--       number, what that is charged at, nano-dollars: 0 when it was not at the model; empty, empty, 0
--       when none was begun, or goes on elsewhere under the same number
--   'exhausted', attempts: it may not be tried again    'poison', attempts: it killed a worker alone
--   'unwieldy', attempts: it has more fields than a script can copy
--       (these three write nothing: `fail` ends it)
--   'ended': it was ended, and is only acknowledged and deleted
--   'ghost': its content is gone; acknowledged
--   'moved': it is not the owner's, or the record says another user; ask again. What another worker
--       runs is given back to that one
--   'alive': the owner shows signs of life              'fenced': another supervisor has the lease
-- O(size of the entry).

local FIELDS_MAX = 3500
local stream, group, id, owner, why = KEYS[1], ARGV[1], ARGV[2], ARGV[4], ARGV[5]
if why ~= 'release' and redis.call('HGET', KEYS[9], 'token') ~= ARGV[8] then
    return { 'fenced' }
end
local pending = redis.call('XPENDING', stream, group, id, id, 1, owner)[1]
if not pending then
    return { 'moved' }
end
if why == 'dead' and redis.call('EXISTS', KEYS[7]) == 1 then
    return { 'alive' }
end
redis.call('HEXISTS', KEYS[6], 'ended')
local found = redis.call('XRANGE', stream, id, id)[1]
if not found then
    redis.call('XACK', stream, group, id)
    redis.call('HINCRBY', KEYS[6], 'ghosts:' .. ARGV[3], 1)
    return { 'ghost' }
end
local record = redis.call('HMGET', KEYS[3], 'state', 'user', 'attempt', 'boot', 'entry', 'reserved',
    'calling', 'call', 'deadline', 'owner', 'queue', 'seal', 'spent')
local state = record[1]
if state and record[2] ~= ARGV[7] then
    return { 'moved' }
end
if state == 'ended' or (state and (record[5] ~= id or record[11] ~= ARGV[3])) then
    -- Another entry of a request that has one, or has ended: it adds nothing.
    redis.call('XACK', stream, group, id)
    redis.call('XDEL', stream, id)
    redis.call('HINCRBY', KEYS[6], 'duplicate:' .. ARGV[3], 1)
    return { 'ended' }
end
if state and state ~= 'waiting' then
    if record[10] ~= owner then
        redis.call('XCLAIM', stream, group, record[10], 0, id, 'JUSTID')
        return { 'moved' }
    end
    if why == 'release' and record[4] ~= ARGV[9] then
        return { 'moved' }
    end
end

-- The fields go along, without the token and without what only this script may say.
local ours = {
    authorization = true, attempt = true, requeued_from = true, priority = true, deadline_at = true,
    deaths = true, sealed = true,
}
local fields, said = {}, {}
for index = 1, #found[2], 2 do
    local name = string.lower(found[2][index])
    if ours[name] then
        said[name] = found[2][index + 1]
    else
        fields[#fields + 1] = found[2][index]
        fields[#fields + 1] = found[2][index + 1]
    end
end
local sealed = ARGV[12] ~= '' and ARGV[12] or record[12] or said.sealed
if ARGV[3] ~= 'retry' then said = {} end
local attempt = tonumber(record[3]) or tonumber(said.attempt) or 1
local deaths = tonumber(said.deaths) or 0
if why ~= 'release' then
    local tries = math.max(attempt, pending[4])
    if why == 'dead' and redis.call('GET', KEYS[10]) == id then
        return { 'poison', tries }
    end
    if #fields > 2 * FIELDS_MAX then
        return { 'unwieldy', tries }
    end
    if tries >= tonumber(ARGV[10]) then
        return { 'exhausted', tries }
    end
    if why == 'dead' then deaths = deaths + 1 end
elseif #fields > 2 * FIELDS_MAX then
    return { 'unwieldy', attempt }
end
local attemptNow = why == 'release' and attempt or attempt + 1
local added = {
    'attempt', attemptNow, 'requeued_from', said.requeued_from or id,
    'priority', said.priority or ARGV[3], 'deaths', deaths,
}
local deadline = record[9] or said.deadline_at
if deadline then
    added[#added + 1] = 'deadline_at'
    added[#added + 1] = deadline
end
if sealed then
    added[#added + 1] = 'sealed'
    added[#added + 1] = sealed
end
for _, value in ipairs(added) do fields[#fields + 1] = value end
local now = ARGV[11]
if now == '' then
    local time = redis.call('TIME')
    now = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
end
redis.call('HEXISTS', KEYS[4], 'limit_nanousd')
redis.call('XLEN', KEYS[2])
redis.call('XLEN', KEYS[5])
redis.call('LLEN', KEYS[8])

-- From here on it writes; first what needs no memory, so that a full Redis does not stop it half way.
redis.call('XACK', stream, group, id)
redis.call('XDEL', stream, id)
local new = redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('HINCRBY', KEYS[6], (why == 'release' and 'released:' or 'requeued:') .. ARGV[3], 1)
if why ~= 'release' then
    redis.call('RPUSH', KEYS[8], ARGV[3] .. ' ' .. id)
    redis.call('PEXPIRE', KEYS[8], 60000)
end
if not state then
    return { 'requeued', new, attemptNow, '', '', '0' }
end
if record[6] and record[6] ~= '0' then
    redis.call('HINCRBY', KEYS[4], 'reserved_nanousd', '-' .. record[6])
end
if record[7] then
    local whole = string.format('%.0f', tonumber(record[7]) + (tonumber(record[13]) or 0))
    redis.call('XADD', KEYS[5], '*', 'request_id', ARGV[6], 'user', record[2], 'attempt', attempt,
        'terminal', '0', 'event', why == 'release' and 'released' or 'lost', 'payer', 'house',
        'cost_nanousd', whole, 'estimated', '1', 'call', record[8],
        'earlier_nanousd', record[13] or '0', 'owner', owner, 'at', now)
    redis.call('HINCRBY', KEYS[6], 'cost:house', whole)
end
redis.call('HDEL', KEYS[3], 'calling', 'spent', 'boot', 'owner')
-- A released attempt goes on under its number: its next call is numbered after those it has made, so
-- that a call's name in the fleet's books is no other call's. A new attempt numbers from 1.
if why ~= 'release' then redis.call('HDEL', KEYS[3], 'call') end
redis.call('HSET', KEYS[3], 'state', 'waiting', 'attempt', attemptNow, 'entry', new, 'queue', 'retry',
    'reserved', '0')
if state == 'parked' then redis.call('HINCRBY', KEYS[6], 'parked', -1) end
-- Not at the model, it may have had its turn for it already; nothing was sent and nothing can be now. A
-- released attempt keeps that turn: it has the name of the attempt's next call.
local call = record[7] and record[8] or (tonumber(record[8]) or 0) + 1
local ran = state ~= 'waiting' and (record[7] or why ~= 'release')
return {
    'requeued', new, attemptNow, ran and attempt or '', ran and call or '', record[7] or '0',
}
