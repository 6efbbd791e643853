-- commit: ends a request. Answer, acknowledge, settle what it cost, remember it: all or none.
-- Begins with ending.lua.
--
-- KEYS[1] the request stream        KEYS[2] the reply stream        KEYS[3] the record
-- KEYS[4] user's cost    KEYS[5] user's cost log    KEYS[6] user's requests of the last hour
-- KEYS[7] the ledger's outbox       KEYS[8] counters                KEYS[9] requests by deadline
-- KEYS[10] the mark that it is taken back
-- KEYS[11] the mark that its batch is, and KEYS[12…21] its batch's, where it is a member of one
-- ARGV[1] group      ARGV[2] entry ID     ARGV[3] event        ARGV[4] request_id
-- ARGV[5] attempt    ARGV[6] payload      ARGV[7] reply TTL, ms
-- ARGV[8] traceparent, or empty           ARGV[9] tracestate, or empty
-- ARGV[10] boot of the worker that admitted it; empty when it ends without having been admitted
-- ARGV[11] user      ARGV[12] payload hash          ARGV[13] code, or empty
-- ARGV[14] cost, nano-dollars             ARGV[15] 1 when that is estimated
-- ARGV[16] 1 when it keeps its place in the user's hour
-- ARGV[17] time that an ended request is remembered, ms
-- ARGV[18] the entry's stream: retry, high, normal or low
-- ARGV[19] facts for the ledger, JSON     ARGV[20] now, Unix ms; empty except in tests
-- ARGV[21] its place in a batch, or empty   ARGV[22] how long a batch's members are waited for, ms
-- ARGV[23] the request that it is a replay of, or empty
-- ARGV[24] what led to it, JSON for the audit trail, or empty
-- Answers 'committed'; one that was not admitted and is taken back ends so, whatever it was to be told.
-- 'already' when the request had ended, or is run as another entry: then the entry
-- is acknowledged and deleted, and that is all. Else nothing at all is written:
-- 'superseded' when a later attempt owns it; 'conflict' when the id is another request's;
-- 'unwritable' when the reply's key is no stream;
-- ['expired', code, nano-dollars] when it ends without having been admitted, but the request ended
-- before and its answer has gone: `remind` tells so.
-- O(log n) in the user's costs of an hour; the payload is copied once, a retried entry too.
--
-- The record decides, not XACK: a group that was destroyed and made again must not lose an answer that
-- was paid for. Without a record the acknowledgement decides. It comes first, because a full Redis
-- refuses a script's first write unless that write needs no memory, and lets a script that has written
-- go on. What could fail is looked at before: Lua has no way back.

local group, id, boot = ARGV[1], ARGV[2], ARGV[10]
local kind = redis.call('TYPE', KEYS[2])['ok']
if kind ~= 'none' and kind ~= 'stream' then
    return 'unwritable'
end
local record = redis.call('HMGET', KEYS[3], 'state', 'attempt', 'boot', 'user', 'hash', 'entry',
    'reserved', 'calling', 'call', 'code', 'cost', 'queue', 'batch', 'spent')
local state = record[1]
local event, payload, code = ARGV[3], ARGV[6], ARGV[13]
local member = memberOf(ARGV[21], 12)
local stranger = state and (record[13] or '') ~= ARGV[21] and member
local now = present(ARGV[20])
if not state and boot == '' then
    local by = redis.call('GET', KEYS[10]) or (member and redis.call('GET', KEYS[11]))
    if by then
        event, payload, code = 'cancelled', cancelledPayload(by, '0'), ''
    end
end
redis.call('HEXISTS', KEYS[8], 'ended')
redis.call('HEXISTS', KEYS[4], 'limit_nanousd')
redis.call('ZCARD', KEYS[5])
redis.call('ZCARD', KEYS[6])
redis.call('ZCARD', KEYS[9])
redis.call('XLEN', KEYS[7])

local function drop(answer)
    if redis.call('XACK', KEYS[1], group, id) == 1 then
        redis.call('HINCRBY', KEYS[8], 'duplicate:' .. ARGV[18], 1)
        redis.call('XDEL', KEYS[1], id)
    end
    endStranger(stranger, ARGV[4], now)
    return answer
end

if state and boot ~= '' then
    if state == 'ended' then return drop('already') end
    if record[2] ~= ARGV[5] or record[3] ~= boot then return 'superseded' end
elseif state then
    if record[4] ~= ARGV[11] or record[5] ~= ARGV[12] then
        endStranger(stranger, ARGV[4], now)
        return 'conflict'
    end
    if state == 'ended' then
        if kind == 'none' then
            endStranger(stranger, ARGV[4], now)
            return { 'expired', record[10] or '', record[11] or '0' }
        end
        redis.call('PEXPIRE', KEYS[2], ARGV[7])
        return drop('already')
    end
    -- Its own entry, refused by who reads it now: it was requeued, or comes again because its group was
    -- made again or its process died. What refuses what was in order once is that its time is up, so
    -- it ends for whoever may still run it, too.
    if record[6] ~= id or record[12] ~= ARGV[18] then return drop('already') end
end

-- An answer's time runs from its first entry.
local born = tonumber(string.match(id, '^%d+'))
if event == 'result' and ARGV[18] == 'retry' then
    local found = redis.call('XRANGE', KEYS[1], id, id)[1]
    for index = 1, found and #found[2] or 0, 2 do
        if found[2][index] == 'requeued_from' then
            born = tonumber(string.match(found[2][index + 1], '^%d+')) or born
        end
    end
end

local acknowledged = redis.call('XACK', KEYS[1], group, id)
if not state and acknowledged == 0 then
    return 'already'
end
local at = decimal(now)
local entry = {
    'event', event, 'request_id', ARGV[4], 'attempt', ARGV[5], 'at', at, 'v', '1',
    'payload', payload,
}
if ARGV[8] ~= '' then
    entry[#entry + 1] = 'traceparent'
    entry[#entry + 1] = ARGV[8]
    if ARGV[9] ~= '' then
        entry[#entry + 1] = 'tracestate'
        entry[#entry + 1] = ARGV[9]
    end
end
redis.call('XADD', KEYS[2], '*', unpack(tellReplay(entry, ARGV[23])))
redis.call('PEXPIRE', KEYS[2], ARGV[7])
local deleted = redis.call('XDEL', KEYS[1], id)

-- The record shrinks to what a later entry of the same id needs to be told.
if state then redis.call('DEL', KEYS[3]) end
redis.call('HSET', KEYS[3], 'state', 'ended', 'user', ARGV[11], 'hash', ARGV[12], 'attempt', ARGV[5],
    'cost', ARGV[14], 'code', code == '' and event or code)
rememberReplay(KEYS[3], ARGV[23])
redis.call('PEXPIRE', KEYS[3], ARGV[17])

if state and record[7] and record[7] ~= '0' then
    redis.call('HINCRBY', KEYS[4], 'reserved_nanousd', '-' .. record[7])
end
if ARGV[14] ~= '0' then
    spend(KEYS[4], KEYS[5], ARGV[14], ARGV[4], ARGV[5], now)
end
if state then
    redis.call('ZREM', KEYS[9], ARGV[4])
    if ARGV[16] ~= '1' then redis.call('ZREM', KEYS[6], ARGV[4]) end
    redis.call('HINCRBY', KEYS[8], 'ended', 1)
    if state == 'parked' then redis.call('HINCRBY', KEYS[8], 'parked', -1) end
else
    redis.call('HINCRBY', KEYS[8], 'refused', 1)
    redis.call('DEL', KEYS[10])
end
if boot == '' and record[8] then
    -- Whoever ran it was at the model: the house pays.
    redis.call('XADD', KEYS[7], '*', 'request_id', ARGV[4], 'user', ARGV[11], 'attempt', record[2],
        'terminal', '0', 'event', 'lost', 'payer', 'house', 'cost_nanousd', inAll(record[8], record[14]),
        'estimated', '1', 'call', record[9] or '', 'earlier_nanousd', record[14] or '0', 'at', at)
    paid(KEYS[8], 'house', inAll(record[8], record[14]))
end
-- Under a new group nobody had it; it has left the stream all the same, which is counted by stream.
if acknowledged == 1 or deleted == 1 then
    redis.call('HINCRBY', KEYS[8],
        (acknowledged == 1 and 'finished:' or 'unacknowledged:') .. ARGV[18], 1)
end
redis.call('XADD', KEYS[7], '*', 'request_id', ARGV[4], 'user', ARGV[11], 'attempt', ARGV[5],
    'terminal', '1', 'event', event, 'code', code, 'payer', 'user', 'cost_nanousd', ARGV[14],
    'estimated', ARGV[15], 'facts', ARGV[19], 'at', at, 'admitted', state and '1' or '0',
    'payload', payload, 'record', ARGV[24] or '')
tally(KEYS[8], event, code, 'user', ARGV[14])
-- A result that was not admitted is a report of usage: no strategy, whose time and source are told.
if event == 'result' and boot ~= '' then answered(KEYS[8], ARGV[18], math.max(now - born, 0), payload) end
if member and not stranger then
    if not state then sight(member, ARGV[4], now, tonumber(ARGV[22]), ARGV[7]) end
    endMember(member, ARGV[4], ARGV[5], event, code, ARGV[14], now)
end
return 'committed'
