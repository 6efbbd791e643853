-- expire: answers a request whose entry nobody has read. Long after its deadline the entry is left for
-- its reader, who finds the request ended. One that is turned away, because too much waits, is deleted
-- with it, so that the crowd does not grow.
--
-- KEYS[1] the reply stream          KEYS[2] the record        KEYS[3] the ledger's outbox
-- KEYS[4] counters       KEYS[5] the supervisors' lease       KEYS[6] the stream of its entry
-- ARGV[1] the lease's token         ARGV[2] request_id        ARGV[3] user    ARGV[4] payload hash
-- ARGV[5] event          ARGV[6] code     ARGV[7] payload     ARGV[8] reply TTL, ms
-- ARGV[9] time that an ended request is remembered, ms        ARGV[10] traceparent, or empty
-- ARGV[11] group         ARGV[12] ID of the entry to delete, or empty
-- ARGV[13] its stream: retry, high, normal or low
-- Answers 'expired'; 'known' when the request has a record, 'read' when the entry to delete is a worker's
-- or gone, and 'unwritable' when the reply's key is no stream: nothing is written. 'fenced': another
-- supervisor has the lease.
-- O(1).

if redis.call('HGET', KEYS[5], 'token') ~= ARGV[1] then
    return 'fenced'
end
if redis.call('EXISTS', KEYS[2]) == 1 then
    return 'known'
end
local entryID = ARGV[12]
if entryID ~= '' and (#redis.call('XPENDING', KEYS[6], ARGV[11], entryID, entryID, 1) > 0
    or #redis.call('XRANGE', KEYS[6], entryID, entryID) == 0) then
    return 'read'
end
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'none' and kind ~= 'stream' then
    return 'unwritable'
end
redis.call('HEXISTS', KEYS[4], 'ended')
redis.call('XLEN', KEYS[3])
local time = redis.call('TIME')
local at = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
local entry = {
    'event', ARGV[5], 'request_id', ARGV[2], 'attempt', '1', 'at', at, 'v', '1', 'payload', ARGV[7],
}
if ARGV[10] ~= '' then
    entry[#entry + 1] = 'traceparent'
    entry[#entry + 1] = ARGV[10]
end
-- First what needs no memory: a full Redis is what such a request may be turned away for.
if entryID ~= '' then
    redis.call('XDEL', KEYS[6], entryID)
    redis.call('HINCRBY', KEYS[4], 'overloaded:' .. ARGV[13], 1)
end
redis.call('XADD', KEYS[1], '*', unpack(entry))
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call('HSET', KEYS[2], 'state', 'ended', 'user', ARGV[3], 'hash', ARGV[4], 'attempt', '1',
    'cost', '0', 'code', ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[9])
redis.call('HINCRBY', KEYS[4], 'refused', 1)
redis.call('XADD', KEYS[3], '*', 'request_id', ARGV[2], 'user', ARGV[3], 'attempt', '1',
    'terminal', '1', 'event', ARGV[5], 'code', ARGV[6], 'payer', 'user', 'cost_nanousd', '0',
    'estimated', '0', 'at', at)
return 'expired'
