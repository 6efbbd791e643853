-- cancel: ends a request that somebody takes back: what waits for ever, what runs with its call charged
-- at its reservation. One that nobody has read yet is remembered, and ends when it is read.
-- Begins with ending.lua.
--
-- KEYS[1] the stream of its entry   KEYS[2] the reply stream        KEYS[3] the record
-- KEYS[4] user's cost    KEYS[5] user's cost log    KEYS[6] user's requests of the last hour
-- KEYS[7] the ledger's outbox       KEYS[8] counters                KEYS[9] requests by deadline
-- KEYS[10] the supervisors' lease   KEYS[11] what was taken from its owner
-- KEYS[12] the mark that it is taken back           KEYS[13] the mark that there are such marks
-- KEYS[14…23] its batch's, where it has one
-- ARGV[1] group          ARGV[2] the lease's token    ARGV[3] request_id
-- ARGV[4] entry, ARGV[5] attempt, ARGV[6] user, ARGV[7] owner and ARGV[8] place in a batch, as the
--         record says; all empty when there is no record
-- ARGV[9] who takes it back, a JSON value             ARGV[10] reply TTL, ms
-- ARGV[11] time that an ended request is remembered, ms
-- ARGV[12] time that one is remembered which nobody has read, ms
-- ARGV[13] now, Unix ms; empty except in tests
-- Answers 'cancelled', then of the attempt that ended: its number, its call's number, what that is
-- charged at, nano-dollars: 0 when it was not at the model; empty, empty, 0 when none was begun.
-- 'remembered': nobody has read it.    'ended': it had ended, and nothing more is said.
-- 'batch', batch_id: it is an envelope that has begun to be expanded, and nothing is written.
-- 'moved': the record says something else now.        'fenced': another supervisor has the lease.
-- O(log n) in the user's costs of an hour and in the requests that have not ended.

if redis.call('HGET', KEYS[10], 'token') ~= ARGV[2] then
    return { 'fenced' }
end
local record = redis.call('HMGET', KEYS[3], 'state', 'user', 'attempt', 'entry', 'reserved', 'calling',
    'call', 'hash', 'owner', 'queue', 'batch', 'expands', 'replay_of', 'spent')
local state, request = record[1], ARGV[3]
if not state and ARGV[5] == '' then
    redis.call('SET', KEYS[12], ARGV[9], 'PX', ARGV[12])
    redis.call('SET', KEYS[13], '1', 'PX', ARGV[12])
    return { 'remembered' }
end
if state == 'ended' then
    return { 'ended' }
end
if (record[4] or '') ~= ARGV[4] or (record[3] or '') ~= ARGV[5] or (record[2] or '') ~= ARGV[6]
    or (record[9] or '') ~= ARGV[7] or (record[11] or '') ~= ARGV[8] then
    return { 'moved' }
end
if record[12] then
    return { 'batch', record[12] }
end
local reply = redis.call('TYPE', KEYS[2])['ok']
redis.call('HEXISTS', KEYS[4], 'limit_nanousd')
redis.call('ZCARD', KEYS[5])
redis.call('ZCARD', KEYS[6])
redis.call('XLEN', KEYS[7])
redis.call('HEXISTS', KEYS[8], 'ended')
redis.call('ZCARD', KEYS[9])
redis.call('LLEN', KEYS[11])
local member = memberOf(record[11], 14)
local now = present(ARGV[13])
local at, attempt, charged = decimal(now), record[3], record[6] or '0'
local whole = inAll(charged, record[14])

-- First what needs no memory, so that a full Redis does not stop it half way. What nobody has read is
-- left for its reader, who finds the request ended.
if redis.call('XACK', KEYS[1], ARGV[1], record[4]) == 1 then
    redis.call('XDEL', KEYS[1], record[4])
    redis.call('HINCRBY', KEYS[8], 'finished:' .. record[10], 1)
end
if reply == 'none' or reply == 'stream' then
    redis.call('XADD', KEYS[2], '*', unpack(tellReplay({ 'event', 'cancelled', 'request_id', request,
        'attempt', attempt, 'at', at, 'v', '1', 'payload', cancelledPayload(ARGV[9], whole) },
        record[13])))
    redis.call('PEXPIRE', KEYS[2], ARGV[10])
end
if record[9] then
    redis.call('RPUSH', KEYS[11], record[10] .. ' ' .. record[4] .. ' cancelled')
    redis.call('PEXPIRE', KEYS[11], 60000)
end
if record[5] and record[5] ~= '0' then
    redis.call('HINCRBY', KEYS[4], 'reserved_nanousd', '-' .. record[5])
end
if whole ~= '0' then
    spend(KEYS[4], KEYS[5], whole, request, attempt, now)
end
-- Without a call it does not count in its user's hour.
if not record[6] then redis.call('ZREM', KEYS[6], request) end
redis.call('XADD', KEYS[7], '*', 'request_id', request, 'user', record[2], 'attempt', attempt,
    'terminal', '1', 'event', 'cancelled', 'code', '', 'payer', 'user', 'cost_nanousd', whole,
    'estimated', charged == '0' and '0' or '1', 'call', record[7] or '',
    'earlier_nanousd', record[14] or '0', 'at', at,
    'admitted', '1', 'payload', cancelledPayload(ARGV[9], whole))
tally(KEYS[8], 'cancelled', '', 'user', whole)
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'state', 'ended', 'user', record[2], 'hash', record[8],
    'attempt', attempt, 'cost', whole, 'code', 'cancelled')
rememberReplay(KEYS[3], record[13])
redis.call('PEXPIRE', KEYS[3], ARGV[11])
redis.call('ZREM', KEYS[9], request)
redis.call('HINCRBY', KEYS[8], 'ended', 1)
if state == 'parked' then redis.call('HINCRBY', KEYS[8], 'parked', -1) end
if member then endMember(member, request, attempt, 'cancelled', '', whole, now) end
-- Not at the model, it may have had its turn for it already; nothing was sent and nothing can be now.
local call = record[6] and record[7] or (tonumber(record[7]) or 0) + 1
local ran = state ~= 'waiting'
return { 'cancelled', ran and attempt or '', ran and call or '', charged }
