-- close_batch: ends the wait for members of a batch that have not come: they are counted as missing.
-- Begins with ending.lua.
--
-- KEYS[1] the supervisors' lease    KEYS[2…11] the batch's
-- ARGV[1] the lease's token         ARGV[2] batch_id      ARGV[3] its envelope, or empty
-- ARGV[4] ms past its deadline after which also members count as missing that came and never ended
-- ARGV[5] now, Unix ms; empty except in tests
-- Answers 'complete', how many are missing; 'closed', the same: members that came have not ended, and
-- the last of them completes it. 'early': its deadline is to come.   'gone': there is no such batch, or
-- it is complete.    'moved': it has another envelope.      'fenced': another supervisor has the lease.
-- O(log n) in the batches that are not complete.

if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
    return { 'fenced' }
end
local batch = batchAt(2)
if not batch.size or batch.isComplete then
    redis.call('ZREM', batch.all, ARGV[2])
    return { 'gone' }
end
if batch.envelope ~= ARGV[3] then
    return { 'moved' }
end
local now = present(ARGV[5])
local patience = tonumber(ARGV[4])
if now < batch.deadline then
    return { 'early' }
end
local counts = redis.call('HMGET', batch.key, 'done', 'rejected', 'failed', 'cancelled')
local missing = batch.size
for index = 1, 4 do missing = missing - (tonumber(counts[index]) or 0) end
if now < batch.deadline + patience then
    missing = missing - redis.call('SCARD', batch.open)
end
-- The first write is one that Redis refuses when memory is full.
redis.call('HSET', batch.key, 'closed', '1', 'missing', decimal(missing))
if complete(batch, ARGV[2], now) then
    return { 'complete', missing }
end
-- It is looked at again when the last of its members must have ended.
redis.call('ZADD', batch.all, decimal(batch.deadline + patience), ARGV[2])
return { 'closed', missing }
