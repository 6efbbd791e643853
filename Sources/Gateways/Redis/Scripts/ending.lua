-- ending: what every script that ends a request says in the same words. No script by itself: it stands
-- in front of those whose header says "Begins with ending.lua", and one hash names both.
--
-- KEYS of a batch, ten in a row, where the request is a member of one:
--   the batch, its ended members (a bit each), its members in the books, its stream,
--   the batches by deadline, its envelope's reply stream, its envelope's record,
--   requests by deadline, the ledger's outbox, counters
-- ARGV is the script's own; a `place` in it, as in a record, is 'index size batch_id [envelope]'.
-- Answers nothing; its functions say what they do.
-- Each is O(1), or O(log n) in the batches that are not complete.

local BATCH_KEPT_MS = 86400000
-- Upper edges, ms, of the times to an answer; `FleetMetrics.swift` has the same, in seconds.
local EDGES = {
    50, 100, 250, 500, 750, 1000, 1500, 2000, 3000, 5000, 8000, 13000, 30000, 60000, 300000, 3600000,
}

local function decimal(number) return string.format('%.0f', number) end

-- What follows is counted for operators, beside the books: what a row of the ledger says an attempt cost;
local function paid(counters, payer, nano)
    if nano ~= '0' then redis.call('HINCRBY', counters, 'cost:' .. payer, nano) end
end

-- by which event, and with which code, a request ended;
local function tally(counters, event, code, payer, nano)
    redis.call('HINCRBY', counters, 'ends:' .. event .. ':' .. code, 1)
    paid(counters, payer, nano)
end

-- how long an answer took from the first entry's ID, by the stream that it was read from, and who gave it.
local function answered(counters, queue, tookMs, payload)
    local bucket = 1
    while EDGES[bucket] and tookMs > EDGES[bucket] do bucket = bucket + 1 end
    redis.call('HINCRBY', counters, 'time:' .. queue .. ':' .. bucket, 1)
    redis.call('HINCRBY', counters, 'time:' .. queue .. ':ms', decimal(tookMs))
    -- Both stand in front of all that anybody wrote, and inside a string quotes would be escaped.
    local head = string.sub(payload, 1, 512)
    local source = string.match(head, '"source":"([a-z_]+)"')
    local degraded = string.match(head, '"degraded":"([a-z_]+)"')
    if source then redis.call('HINCRBY', counters, 'source:' .. source, 1) end
    if degraded then redis.call('HINCRBY', counters, 'degraded:' .. degraded, 1) end
end

-- Nano-dollars as JSON shows them: exact, without zeros at the end.
local function dollars(nano)
    local digits = string.rep('0', 10 - #nano) .. nano
    local fraction = string.gsub(string.sub(digits, -9), '0+$', '')
    return string.sub(digits, 1, -10) .. (fraction == '' and '' or '.' .. fraction)
end

-- What an attempt comes to: the call that it died at, and those before it.
local function inAll(calling, spent)
    return decimal(tonumber(calling) + (tonumber(spent) or 0))
end

-- What `cancelled` says: who took it back, a JSON value, and what it cost.
local function cancelledPayload(by, nano)
    return '{"by":' .. by .. ',"cost_usd":' .. dollars(nano) .. '}'
end

-- What a user spent in this hour, as one entry of his log. The sum lives at least as long as the log.
local function spend(costKey, logKey, nano, request, attempt, now)
    redis.call('HINCRBY', costKey, 'settled_nanousd', nano)
    redis.call('ZADD', logKey, decimal(now), nano .. ':' .. request .. ':' .. attempt)
    redis.call('PEXPIRE', logKey, 7200000)
    if now + 7200000 > redis.call('PEXPIRETIME', costKey) then
        redis.call('PEXPIREAT', costKey, decimal(now + 7200000))
    end
end

-- A batch by its ten keys, of which `first` is the first one's number. What could fail in writing it is
-- looked at here.
local function batchAt(first)
    local batch = {
        key = KEYS[first], ended = KEYS[first + 1], open = KEYS[first + 2], stream = KEYS[first + 3],
        all = KEYS[first + 4], reply = KEYS[first + 5], envelopeRecord = KEYS[first + 6],
        due = KEYS[first + 7], ledger = KEYS[first + 8], counters = KEYS[first + 9],
    }
    local kept = redis.call('HMGET', batch.key, 'size', 'envelope', 'closed', 'complete', 'deadline',
        'reply_ttl_ms')
    batch.size, batch.envelope = tonumber(kept[1]), kept[2] or ''
    batch.isClosed, batch.isComplete = kept[3] == '1', kept[4] == '1'
    batch.deadline, batch.ttl = tonumber(kept[5]), kept[6]
    redis.call('GETBIT', batch.ended, 0)
    redis.call('SCARD', batch.open)
    redis.call('ZCARD', batch.all)
    redis.call('HEXISTS', batch.envelopeRecord, 'state')
    redis.call('ZCARD', batch.due)
    redis.call('XLEN', batch.ledger)
    redis.call('HEXISTS', batch.counters, 'ended')
    local kind = redis.call('TYPE', batch.stream)['ok']
    batch.isHeard = kind == 'none' or kind == 'stream'
    kind = redis.call('TYPE', batch.reply)['ok']
    batch.isAnswerable = kind == 'none' or kind == 'stream'
    return batch
end

-- The member that an entry says it is; nil when it says nothing. One that says another size, or another
-- envelope, than its batch has is none of it, and is not counted.
local function memberOf(place, first)
    if not place or place == '' then return nil end
    local index, size, id, envelope = string.match(place, '^(%d+) (%d+) (%S+) ?(%S*)$')
    local batch = batchAt(first)
    local member = { batch = batch, index = index, size = size, id = id, envelope = envelope }
    member.isKnown = batch.size ~= nil
    member.isOurs = envelope == batch.envelope and batch.size == tonumber(size)
    return member
end

-- A batch's hash and what hangs on it live until well past its deadline, and once it is complete as long
-- as its answer.
local function keep(batch)
    local lasts = decimal(batch.deadline + BATCH_KEPT_MS)
    redis.call('PEXPIREAT', batch.key, lasts)
    redis.call('PEXPIREAT', batch.ended, lasts)
    redis.call('PEXPIREAT', batch.open, lasts)
    redis.call('PEXPIREAT', batch.stream, lasts)
end

-- Notes that a member has come; the first one of a burst makes its batch. What comes after the batch was
-- closed comes too late to be counted.
local function sight(member, request, now, timeout, ttl)
    local batch = member.batch
    if not member.isKnown and member.envelope == '' then
        batch.size, batch.deadline, batch.ttl = tonumber(member.size), now + timeout, ttl
        redis.call('HSET', batch.key, 'size', member.size, 'deadline', decimal(batch.deadline),
            'reply_ttl_ms', ttl)
        redis.call('ZADD', batch.all, decimal(batch.deadline), member.id)
        member.isKnown, member.isOurs = true, true
    end
    if member.isOurs and not batch.isClosed then
        redis.call('SADD', batch.open, request)
        keep(batch)
    end
end

-- Writes `batch_complete`, once all of a batch's members are counted: on its stream, and as the end of
-- its envelope where it has one that has not ended.
local function complete(batch, id, now)
    local kept = redis.call('HMGET', batch.key, 'done', 'rejected', 'failed', 'cancelled', 'missing',
        'cost_nanousd', 'remembered_ms')
    local sum, cost = 0, kept[6] or '0'
    for index = 1, 5 do
        kept[index] = tonumber(kept[index]) or 0
        sum = sum + kept[index]
    end
    if sum < batch.size or batch.isComplete then return false end
    local at = decimal(now)
    local payload = string.format('{"batch_id":"%s","size":%.0f,"done":%.0f,"rejected":%.0f,'
        .. '"failed":%.0f,"cancelled":%.0f,"missing":%.0f,"cost_usd":%s}',
        id, batch.size, kept[1], kept[2], kept[3], kept[4], kept[5], dollars(cost))
    local envelope = batch.envelope
    local function say(key)
        redis.call('XADD', key, '*', 'event', 'batch_complete', 'request_id',
            envelope == '' and id or envelope, 'attempt', '1', 'at', at, 'v', '1',
            'payload', payload)
        redis.call('PEXPIRE', key, batch.ttl)
    end
    if batch.isHeard then say(batch.stream) end
    redis.call('HSET', batch.key, 'complete', '1')
    redis.call('PEXPIRE', batch.key, batch.ttl)
    redis.call('PEXPIRE', batch.ended, batch.ttl)
    redis.call('DEL', batch.open)
    redis.call('ZREM', batch.all, id)
    local record = redis.call('HMGET', batch.envelopeRecord, 'state', 'user', 'hash', 'attempt')
    if envelope == '' or not record[1] or record[1] == 'ended' then return true end
    if batch.isAnswerable then say(batch.reply) end
    redis.call('DEL', batch.envelopeRecord)
    redis.call('HSET', batch.envelopeRecord, 'state', 'ended', 'user', record[2], 'hash', record[3],
        'attempt', record[4], 'cost', cost, 'code', 'batch_complete')
    redis.call('PEXPIRE', batch.envelopeRecord, kept[7])
    redis.call('ZREM', batch.due, envelope)
    redis.call('HINCRBY', batch.counters, 'ended', 1)
    -- What its members cost stands in their own rows.
    redis.call('XADD', batch.ledger, '*', 'request_id', envelope, 'user', record[2],
        'attempt', record[4], 'terminal', '1', 'event', 'batch_complete', 'code', '',
        'payer', 'user', 'cost_nanousd', '0', 'estimated', '0', 'at', at, 'admitted', '0',
        'payload', payload)
    tally(batch.counters, 'batch_complete', '', 'user', '0')
    return true
end

local COUNTED = { result = 'done', rejected = 'rejected', failed = 'failed', cancelled = 'cancelled' }

-- Counts a member that has ended, once, and tells so on its batch's stream.
local function endMember(member, request, attempt, event, code, nano, now)
    local batch = member.batch
    if not member.isOurs then return end
    local wasOpen = redis.call('SREM', batch.open, request) == 1
    if batch.isComplete or (batch.isClosed and not wasOpen) then return end
    if redis.call('SETBIT', batch.ended, member.index, 1) == 1 then return end
    if batch.isHeard then
        redis.call('XADD', batch.stream, '*', 'event', 'member', 'request_id', request,
            'attempt', attempt, 'at', decimal(now), 'v', '1', 'payload',
            '{"index":' .. member.index .. ',"event":"' .. event .. '"'
            .. (code == '' and '' or ',"code":"' .. code .. '"') .. '}')
    end
    redis.call('HINCRBY', batch.key, COUNTED[event], 1)
    if nano ~= '0' then redis.call('HINCRBY', batch.key, 'cost_nanousd', nano) end
    keep(batch)
    complete(batch, member.id, now)
end

-- A member whose request_id is another request's, or this one's outside the batch, is rejected in its
-- batch; its entry adds nothing. One that has ended is counted already, and stays so.
local function endStranger(member, request, now)
    if member then endMember(member, request, '1', 'rejected', 'request_id_conflict', '0', now) end
end

-- A replay of an earlier request says so in its answer, and for as long as it is remembered.
local function tellReplay(event, replayOf)
    if replayOf and replayOf ~= '' then
        event[#event + 1] = 'replay_of'
        event[#event + 1] = replayOf
    end
    return event
end

local function rememberReplay(key, replayOf)
    if replayOf and replayOf ~= '' then redis.call('HSET', key, 'replay_of', replayOf) end
end

local function present(given)
    if tonumber(given) then return tonumber(given) end
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

