-- abandon: ends a request long after its deadline that nobody runs: its entry is nowhere, or waits
-- unread. The caller is told; an unread entry is left for its reader, who finds the request ended.
-- Begins with ending.lua.
--
-- KEYS[1] the stream of its entry   KEYS[2] the reply stream        KEYS[3] the record
-- KEYS[4] user's cost    KEYS[5] the ledger's outbox                KEYS[6] counters
-- KEYS[7] requests by deadline      KEYS[8] the supervisors' lease
-- KEYS[9…18] its batch's, where it is a member of one
-- ARGV[1] group          ARGV[2] the lease's token    ARGV[3] request_id
-- ARGV[4] entry, ARGV[5] attempt and ARGV[6] user as the record says; empty when there is none
-- ARGV[7] code           ARGV[8] payload of the answer              ARGV[9] reply TTL, ms
-- ARGV[10] time that an ended request is remembered, ms
-- ARGV[11] its place in a batch as the record says, or empty
-- Answers 'abandoned', then of the attempt that ended: its number, its call's number, what that is
-- charged at, nano-dollars: 0 when it was not at the model; empty, empty, 0 when none was begun.
-- 'ended': it was ended already.    'held': somebody has its entry, and it is his.
-- 'moved': the record says something else now.        'fenced': another supervisor has the lease.
-- O(log n) in the requests that have not ended.

if redis.call('HGET', KEYS[8], 'token') ~= ARGV[2] then
    return { 'fenced' }
end
if not redis.call('ZSCORE', KEYS[7], ARGV[3]) then
    return { 'ended' }
end
local record = redis.call('HMGET', KEYS[3], 'state', 'user', 'attempt', 'entry', 'reserved', 'calling',
    'call', 'hash', 'batch', 'replay_of', 'spent')
local state = record[1]
if state == 'ended' then
    redis.call('ZREM', KEYS[7], ARGV[3])
    return { 'ended' }
end
if (record[4] or '') ~= ARGV[4] or (record[3] or '') ~= ARGV[5] or (record[2] or '') ~= ARGV[6]
    or (record[9] or '') ~= ARGV[11] then
    return { 'moved' }
end
if state then
    -- Without a stream or a group nobody has it.
    local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[4], ARGV[4], 1)
    if not pending.err and #pending > 0 then
        return { 'held' }
    end
end
local reply = redis.call('TYPE', KEYS[2])['ok']
redis.call('HEXISTS', KEYS[6], 'ended')
redis.call('HEXISTS', KEYS[4], 'limit_nanousd')
redis.call('XLEN', KEYS[5])
local member = memberOf(record[9], 9)

local now = present('')
local at = decimal(now)
local attempt = record[3] or '1'
-- First what needs no memory, so that a full Redis does not stop it half way.
redis.call('ZREM', KEYS[7], ARGV[3])
if reply == 'none' or reply == 'stream' then
    redis.call('XADD', KEYS[2], '*', unpack(tellReplay({ 'event', 'failed', 'request_id', ARGV[3],
        'attempt', attempt, 'at', at, 'v', '1', 'payload', ARGV[8] }, record[10])))
    redis.call('PEXPIRE', KEYS[2], ARGV[9])
end
local charged = record[6] or '0'
local whole = inAll(charged, record[11])
if record[5] and record[5] ~= '0' then
    redis.call('HINCRBY', KEYS[4], 'reserved_nanousd', '-' .. record[5])
end
redis.call('XADD', KEYS[5], '*', 'request_id', ARGV[3], 'user', ARGV[6], 'attempt', attempt,
    'terminal', '1', 'event', 'failed', 'code', ARGV[7], 'payer', 'house', 'cost_nanousd', whole,
    'estimated', charged == '0' and '0' or '1', 'call', record[7] or '',
    'earlier_nanousd', record[11] or '0', 'at', at,
    'admitted', state and '1' or '0', 'payload', ARGV[8])
tally(KEYS[6], 'failed', ARGV[7], 'house', whole)
if state then
    redis.call('DEL', KEYS[3])
    redis.call('HSET', KEYS[3], 'state', 'ended', 'user', ARGV[6], 'hash', record[8] or '',
        'attempt', attempt, 'cost', '0', 'code', ARGV[7])
    rememberReplay(KEYS[3], record[10])
    redis.call('PEXPIRE', KEYS[3], ARGV[10])
end
redis.call('HINCRBY', KEYS[6], 'ended', 1)
if state == 'parked' then redis.call('HINCRBY', KEYS[6], 'parked', -1) end
if member then endMember(member, ARGV[3], attempt, 'failed', ARGV[7], '0', now) end
-- Not at the model, it may have had its turn for it already; nothing was sent and nothing can be now.
local call = record[6] and record[7] or (tonumber(record[7]) or 0) + 1
local ran = state and state ~= 'waiting'
return { 'abandoned', ran and attempt or '', ran and call or '', charged }
