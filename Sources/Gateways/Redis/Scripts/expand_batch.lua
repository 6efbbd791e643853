-- expand_batch: adds the next members of a batch to their stream, once, whoever has begun with it; of a
-- batch that is taken back it ends them instead. With the last one the envelope's entry is acknowledged.
-- Begins with ending.lua.
--
-- KEYS[1] the envelope's stream     KEYS[2] the members' stream     KEYS[3] the mark of a batch taken back
-- KEYS[4…13] the batch's            KEYS[14…] only of one taken back: each member's reply stream and its
--                                   record, in turn
-- ARGV[1] group      ARGV[2] the envelope's entry ID  ARGV[3] its stream: retry, high, normal or low
-- ARGV[4] boot       ARGV[5] attempt     ARGV[6] the envelope's request_id    ARGV[7] batch_id
-- ARGV[8] size       ARGV[9] the first member's number         ARGV[10] the members' deadline_ms
-- ARGV[11] the batch's deadline, Unix ms ARGV[12] reply TTL and ARGV[13] time that an ended request is
-- remembered, both ms
-- ARGV[14] events, ARGV[15] traceparent and ARGV[16] tracestate of the envelope, or empty
-- ARGV[17…] for each member request_id, payload, user, payload hash, and its claims, sealed, or empty, in
-- turn; at most 100 of them
-- Answers 'at', n: the next member is the nth; n = size: the envelope is done with.
-- 'cancelled', n: it is taken back; ask again with the members' keys.
-- 'taken': another batch has this id, and nothing is written.
-- 'lost': the envelope is no longer this attempt's.    'already': it has ended; its entry is acknowledged.
-- O(members here), and their bytes.

local group, id, size, first = ARGV[1], ARGV[2], tonumber(ARGV[8]), tonumber(ARGV[9])
local batch = batchAt(4)
local record = redis.call('HMGET', batch.envelopeRecord, 'state', 'boot', 'attempt')
if record[1] == 'ended' or record[1] == 'expanded' then
    if redis.call('XACK', KEYS[1], group, id) == 1 then
        redis.call('XDEL', KEYS[1], id)
        redis.call('HINCRBY', batch.counters, 'duplicate:' .. ARGV[3], 1)
    end
    return { 'already' }
end
if record[1] ~= 'running' or record[2] ~= ARGV[4] or record[3] ~= ARGV[5] then
    return { 'lost' }
end
if batch.size and (batch.envelope ~= ARGV[6] or batch.size ~= size) then
    return { 'taken' }
end
local cursor = tonumber(redis.call('HGET', batch.key, 'cursor')) or 0
if cursor ~= first then
    return { 'at', cursor }
end
local by = redis.call('GET', KEYS[3])
local count = (#ARGV - 16) / 5
if by and #KEYS == 13 then
    return { 'cancelled', cursor }
end
redis.call('XLEN', KEYS[2])
redis.call('XLEN', KEYS[1])
local owned = {}
if by then
    for member = 1, count do
        local reply = redis.call('TYPE', KEYS[12 + 2 * member])['ok']
        owned[member] = {
            isAnswerable = reply == 'none' or reply == 'stream',
            isStranger = redis.call('HGET', KEYS[13 + 2 * member], 'state') ~= false,
        }
    end
end

local function add(member, index)
    local fields = {
        'request_id', ARGV[member], 'payload', ARGV[member + 1], 'batch_id', ARGV[7],
        'batch_index', index, 'batch_size', ARGV[8], 'batch_envelope', ARGV[6],
        'deadline_ms', ARGV[10],
    }
    for number, name in ipairs({ 'events', 'traceparent', 'tracestate' }) do
        if ARGV[13 + number] ~= '' then
            fields[#fields + 1] = name
            fields[#fields + 1] = ARGV[13 + number]
        end
    end
    if ARGV[member + 4] ~= '' then
        fields[#fields + 1] = 'sealed'
        fields[#fields + 1] = ARGV[member + 4]
    end
    redis.call('XADD', KEYS[2], '*', unpack(fields))
end

-- As if it had been added, read, and found to be taken back.
local function takeBack(member, index, owned, reply, record, now)
    local request, at = ARGV[member], decimal(now)
    local one = {
        batch = batch, index = decimal(index), size = ARGV[8], id = ARGV[7], envelope = ARGV[6],
        isKnown = true, isOurs = true,
    }
    if owned.isStranger then return endStranger(one, request, now) end
    if owned.isAnswerable then
        redis.call('XADD', reply, '*', 'event', 'cancelled', 'request_id', request,
            'attempt', '1', 'at', at, 'v', '1', 'payload', cancelledPayload(by, '0'))
        redis.call('PEXPIRE', reply, ARGV[12])
    end
    redis.call('HSET', record, 'state', 'ended', 'user', ARGV[member + 2],
        'hash', ARGV[member + 3], 'attempt', '1', 'cost', '0', 'code', 'cancelled')
    redis.call('PEXPIRE', record, ARGV[13])
    redis.call('HINCRBY', batch.counters, 'refused', 1)
    redis.call('XADD', batch.ledger, '*', 'request_id', request, 'user', ARGV[member + 2],
        'attempt', '1', 'terminal', '1', 'event', 'cancelled', 'code', '', 'payer', 'user',
        'cost_nanousd', '0', 'estimated', '0', 'at', at)
    endMember(one, request, '1', 'cancelled', '', '0', now)
end

-- From here on it writes. The first write is one that Redis refuses when memory is full.
redis.call('HSET', batch.key, 'size', ARGV[8], 'envelope', ARGV[6], 'cursor', decimal(cursor + count),
    'deadline', ARGV[11], 'reply_ttl_ms', ARGV[12], 'remembered_ms', ARGV[13])
redis.call('ZADD', batch.all, ARGV[11], ARGV[7])
batch.size, batch.envelope = size, ARGV[6]
batch.deadline, batch.ttl = tonumber(ARGV[11]), ARGV[12]
keep(batch)
redis.call('HSET', batch.envelopeRecord, 'expands', ARGV[7])
if cursor + count >= size then
    if redis.call('XACK', KEYS[1], group, id) == 1 then
        redis.call('HINCRBY', batch.counters, 'finished:' .. ARGV[3], 1)
    elseif redis.call('XRANGE', KEYS[1], id, id)[1] then
        redis.call('HINCRBY', batch.counters, 'unacknowledged:' .. ARGV[3], 1)
    end
    redis.call('XDEL', KEYS[1], id)
    redis.call('HDEL', batch.envelopeRecord, 'owner', 'boot', 'call')
    redis.call('HSET', batch.envelopeRecord, 'state', 'expanded')
end
local now = by and present('')
for number = 1, count do
    local member = 12 + 5 * number
    if by then
        takeBack(member, cursor + number - 1, owned[number], KEYS[12 + 2 * number],
            KEYS[13 + 2 * number], now)
    else
        add(member, decimal(cursor + number - 1))
    end
end
return { 'at', cursor + count }
