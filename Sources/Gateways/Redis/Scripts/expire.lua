-- expire: answers a request that has no record. Long after its deadline its entry, which nobody has read,
-- is left for its reader, who finds the request ended. One that is turned away, because too much waits, is
-- deleted with it, so that the crowd does not grow; so is one that a dead worker has and that no other is
-- going to take, because its token proves nothing.
-- Begins with ending.lua.
--
-- KEYS[1] the reply stream          KEYS[2] the record        KEYS[3] the ledger's outbox
-- KEYS[4] counters       KEYS[5] the supervisors' lease       KEYS[6] the stream of its entry
-- KEYS[7] the sign of life of who has the entry               KEYS[8] the mark that it is taken back
-- KEYS[9] the mark that its batch is, and KEYS[10…19] its batch's, where it is a member of one
-- ARGV[1] the lease's token         ARGV[2] request_id        ARGV[3] user    ARGV[4] payload hash
-- ARGV[5] event          ARGV[6] code     ARGV[7] payload     ARGV[8] reply TTL, ms
-- ARGV[9] time that an ended request is remembered, ms        ARGV[10] traceparent, or empty
-- ARGV[11] group         ARGV[12] ID of the entry to delete, or empty
-- ARGV[13] its stream: retry, high, normal or low
-- ARGV[14] its place in a batch, or empty   ARGV[15] how long a batch's members are waited for, ms
-- ARGV[16] the request that it is a replay of, or empty
-- ARGV[17] the dead worker that has the entry to delete, or empty: nobody has
-- Answers 'expired'; one that is taken back ends so, whatever it was to be told. 'known' when the request
-- has a record, 'read' when the entry to delete is another worker's, or gone, or its worker is not dead,
-- and 'unwritable' when the reply's key is no stream: nothing is written. 'fenced': another supervisor has
-- the lease.
-- O(1).

if redis.call('HGET', KEYS[5], 'token') ~= ARGV[1] then
    return 'fenced'
end
if redis.call('EXISTS', KEYS[2]) == 1 then
    return 'known'
end
local entryID, owner = ARGV[12], ARGV[17]
if entryID ~= '' then
    local pending = redis.call('XPENDING', KEYS[6], ARGV[11], entryID, entryID, 1)[1]
    if (pending and pending[2] or '') ~= owner or redis.call('EXISTS', KEYS[7]) == 1
        or #redis.call('XRANGE', KEYS[6], entryID, entryID) == 0 then
        return 'read'
    end
end
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'none' and kind ~= 'stream' then
    return 'unwritable'
end
redis.call('HEXISTS', KEYS[4], 'ended')
redis.call('XLEN', KEYS[3])
local member = memberOf(ARGV[14], 10)
local event, payload, code = ARGV[5], ARGV[7], ARGV[6]
local by = redis.call('GET', KEYS[8]) or (member and redis.call('GET', KEYS[9]))
if by then
    event, payload, code = 'cancelled', cancelledPayload(by, '0'), ''
end
local now = present('')
local at = decimal(now)
local entry = {
    'event', event, 'request_id', ARGV[2], 'attempt', '1', 'at', at, 'v', '1', 'payload', payload,
}
if ARGV[10] ~= '' then
    entry[#entry + 1] = 'traceparent'
    entry[#entry + 1] = ARGV[10]
end
-- First what needs no memory: a full Redis is what such a request may be turned away for.
if entryID ~= '' then
    if owner ~= '' then redis.call('XACK', KEYS[6], ARGV[11], entryID) end
    redis.call('XDEL', KEYS[6], entryID)
    redis.call('HINCRBY', KEYS[4], (owner == '' and 'overloaded:' or 'finished:') .. ARGV[13], 1)
end
redis.call('XADD', KEYS[1], '*', unpack(tellReplay(entry, ARGV[16])))
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call('HSET', KEYS[2], 'state', 'ended', 'user', ARGV[3], 'hash', ARGV[4], 'attempt', '1',
    'cost', '0', 'code', code == '' and event or code)
rememberReplay(KEYS[2], ARGV[16])
redis.call('PEXPIRE', KEYS[2], ARGV[9])
redis.call('HINCRBY', KEYS[4], 'refused', 1)
redis.call('XADD', KEYS[3], '*', 'request_id', ARGV[2], 'user', ARGV[3], 'attempt', '1',
    'terminal', '1', 'event', event, 'code', code, 'payer', 'user', 'cost_nanousd', '0',
    'estimated', '0', 'at', at, 'admitted', '0', 'payload', payload)
tally(KEYS[4], event, code, 'user', '0')
redis.call('DEL', KEYS[8])
if member then
    sight(member, ARGV[2], now, tonumber(ARGV[15]), ARGV[8])
    endMember(member, ARGV[2], '1', event, code, '0', now)
end
return 'expired'
