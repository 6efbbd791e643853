-- fail: ends what cannot succeed: a dead letter, and where it names a request the answer that it failed.
-- Begins with ending.lua.
--
-- KEYS[1] the request stream        KEYS[2] the dead letters        KEYS[3] the reply stream
-- KEYS[4] the record     KEYS[5] user's cost        KEYS[6] the ledger's outbox
-- KEYS[7] counters       KEYS[8] requests by deadline               KEYS[9] the supervisors' lease
-- KEYS[10] the owner's sign of life         KEYS[11…20] its batch's, where it is a member of one
-- ARGV[1] group      ARGV[2] entry ID     ARGV[3] the entry's stream: retry, high, normal or low
-- ARGV[4] owner      ARGV[5] the lease's token          ARGV[6] 1 when only a dead owner's is taken
-- ARGV[7] request_id, or empty: then nobody is told     ARGV[8] user, or empty
-- ARGV[9] payload hash, or empty          ARGV[10] attempts         ARGV[11] code
-- ARGV[12] payload of the answer          ARGV[13] reply TTL, ms
-- ARGV[14] time that an ended request is remembered, ms             ARGV[15] reason, for a person
-- ARGV[16] dead letters to keep, about    ARGV[17] traceparent, or empty
-- ARGV[18] its place in a batch, as the record says, or where there is none the entry; or empty
-- ARGV[19] how long a batch's members are waited for, ms
-- ARGV[20] now, Unix ms; empty except in tests
-- Answers 'failed', then of the attempt that ended: its number, its call's number, what that is charged
-- at, nano-dollars: 0 when it was not at the model; empty, empty, 0 when none was begun.
-- 'ended': it was ended already, and is only acknowledged and deleted. 'moved', 'alive', 'fenced': as
-- `requeue`; nothing is written.
-- O(size of the entry).

local KEPT_BYTES, KEPT_FIELDS = 262144, 1000
local stream, group, id = KEYS[1], ARGV[1], ARGV[2]
if redis.call('HGET', KEYS[9], 'token') ~= ARGV[5] then
    return { 'fenced' }
end
if #redis.call('XPENDING', stream, group, id, id, 1, ARGV[4]) == 0 then
    return { 'moved' }
end
if ARGV[6] == '1' and redis.call('EXISTS', KEYS[10]) == 1 then
    return { 'alive' }
end
local found = redis.call('XRANGE', stream, id, id)[1]
local record = redis.call('HMGET', KEYS[4], 'state', 'user', 'attempt', 'entry', 'reserved', 'calling',
    'call', 'hash', 'owner', 'queue', 'batch', 'replay_of', 'spent')
local state = record[1]
local member = memberOf(ARGV[18], 11)
if state and record[2] ~= ARGV[8] then
    return { 'moved' }
end
redis.call('HEXISTS', KEYS[7], 'ended')
if state == 'ended' or (state and (record[4] ~= id or record[10] ~= ARGV[3])) then
    redis.call('XACK', stream, group, id)
    redis.call('XDEL', stream, id)
    redis.call('HINCRBY', KEYS[7], 'duplicate:' .. ARGV[3], 1)
    return { 'ended' }
end
if state and state ~= 'waiting' and record[9] ~= ARGV[4] then
    redis.call('XCLAIM', stream, group, record[9], 0, id, 'JUSTID')
    return { 'moved' }
end
local replayOf = record[12]
for index = 1, (found and not state) and #found[2] or 0, 2 do
    if found[2][index] == 'replay_of' then replayOf = string.sub(found[2][index + 1], 1, 128) end
end
local dead, reply = redis.call('TYPE', KEYS[2])['ok'], redis.call('TYPE', KEYS[3])['ok']
redis.call('HEXISTS', KEYS[5], 'limit_nanousd')
redis.call('XLEN', KEYS[6])
redis.call('ZCARD', KEYS[8])

redis.call('XACK', stream, group, id)
redis.call('XDEL', stream, id)
redis.call('HINCRBY', KEYS[7], 'dead:' .. ARGV[3], 1)
local now = present(ARGV[20])
local at = decimal(now)
if dead == 'none' or dead == 'stream' then
    local letter = {
        'reason', ARGV[15], 'queue', ARGV[3], 'entry_id', id, 'at', at, 'attempts', ARGV[10],
    }
    local room, cut = KEPT_BYTES, 0
    for index = 1, found and #found[2] or 0, 2 do
        local name, value = found[2][index], found[2][index + 1]
        if string.lower(name) ~= 'authorization' then
            if room > 0 and index < 2 * KEPT_FIELDS then
                local keptName = string.sub(name, 1, room)
                local kept = string.sub(value, 1, math.max(room - #keptName, 0))
                letter[#letter + 1] = 'entry.' .. keptName
                letter[#letter + 1] = kept
                room = room - #keptName - #kept - 16
                cut = cut + #name - #keptName + #value - #kept
            else
                cut = cut + #name + #value
            end
        end
    end
    letter[#letter + 1] = 'bytes_cut'
    letter[#letter + 1] = cut
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[16], '*', unpack(letter))
end
if ARGV[7] == '' then
    return { 'failed', '', '', '0' }
end
if reply == 'none' or reply == 'stream' then
    local event = {
        'event', 'failed', 'request_id', ARGV[7], 'attempt', ARGV[10], 'at', at, 'v', '1',
        'payload', ARGV[12],
    }
    if ARGV[17] ~= '' then
        event[#event + 1] = 'traceparent'
        event[#event + 1] = ARGV[17]
    end
    redis.call('XADD', KEYS[3], '*', unpack(tellReplay(event, replayOf)))
    redis.call('PEXPIRE', KEYS[3], ARGV[13])
end
local charged = record[6] or '0'
local whole = inAll(charged, record[13])
if record[5] and record[5] ~= '0' then
    redis.call('HINCRBY', KEYS[5], 'reserved_nanousd', '-' .. record[5])
end
redis.call('XADD', KEYS[6], '*', 'request_id', ARGV[7], 'user', ARGV[8], 'attempt', ARGV[10],
    'terminal', '1', 'event', 'failed', 'code', ARGV[11], 'payer', 'house', 'cost_nanousd', whole,
    'estimated', charged == '0' and '0' or '1', 'call', record[7] or '',
    'earlier_nanousd', record[13] or '0', 'at', at,
    'admitted', state and '1' or '0', 'payload', ARGV[12])
tally(KEYS[7], 'failed', ARGV[11], 'house', whole)
redis.call('DEL', KEYS[4])
redis.call('HSET', KEYS[4], 'state', 'ended', 'user', ARGV[8], 'hash', record[8] or ARGV[9],
    'attempt', ARGV[10], 'cost', '0', 'code', ARGV[11])
rememberReplay(KEYS[4], replayOf)
redis.call('PEXPIRE', KEYS[4], ARGV[14])
redis.call('ZREM', KEYS[8], ARGV[7])
if state then
    redis.call('HINCRBY', KEYS[7], 'ended', 1)
    if state == 'parked' then redis.call('HINCRBY', KEYS[7], 'parked', -1) end
else
    redis.call('HINCRBY', KEYS[7], 'refused', 1)
end
if member and (not state or record[11] == ARGV[18]) then
    if not state then sight(member, ARGV[7], now, tonumber(ARGV[19]), ARGV[13]) end
    endMember(member, ARGV[7], ARGV[10], 'failed', ARGV[11], '0', now)
end
-- Not at the model, it may have had its turn for it already; nothing was sent and nothing can be now.
local call = record[6] and record[7] or (tonumber(record[7]) or 0) + 1
local ran = state and state ~= 'waiting'
return { 'failed', ran and record[3] or '', ran and call or '', charged }
