-- breaker: what the whole fleet has seen of one way to a model, and whether that way is open. What it
-- calls for is decided elsewhere (`Breaker` in Policy); here it is kept, and changed by one at a time.
--
-- KEYS[1] the way's hash      KEYS[2] set of all ways' names
-- ARGV[1] the way's name      ARGV[2] count, open, probe or close
-- ARGV[3] the epoch that was decided on; count: calls that ended since the last time
-- ARGV[4] open: ms to stay open; probe: ms until a lost probe is given up, 0 from whoever made one that
--      told nothing; count: of those, failed
-- ARGV[5] open: why, one word; probe: who; count: of those, slow
-- ARGV[6] open: open or off   ARGV[7] now, Unix ms; empty except in tests
-- Answers { won, state, epoch, until, since, trips, reason, calls, failed, slow, now }: won is 1 where
-- this call changed the state, or is the one probe; all else is how it stands after.
-- O(1). Calls are counted in three buckets of ten seconds, so that what is counted is 20 to 30 s old at
-- the most.

local BUCKET_MS, KEPT_MS = 10000, 172800000
local now = tonumber(ARGV[7])
if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function decimal(number) return string.format('%.0f', number) end

local kept = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'until', 'since', 'trips', 'reason',
    'probe_until', 'bucket:0', 'bucket:1', 'bucket:2', 'probe')
redis.call('SISMEMBER', KEYS[2], ARGV[1])
local state, epoch = kept[1] or 'closed', tonumber(kept[2]) or 0
local untilMs, since, trips = tonumber(kept[3]) or 0, tonumber(kept[4]) or 0, tonumber(kept[5]) or 0
local reason, probeUntil = kept[6] or '', tonumber(kept[7]) or 0
local slot = math.floor(now / BUCKET_MS)

-- A bucket is 'slot calls failed slow'; one of another turn of the wheel counts nothing.
local buckets = {}
for index = 0, 2 do
    local at, calls, failed, slow = string.match(kept[8 + index] or '', '^(%d+) (%d+) (%d+) (%d+)$')
    if at and tonumber(at) > slot - 3 and tonumber(at) <= slot then
        buckets[index] = { tonumber(at), tonumber(calls), tonumber(failed), tonumber(slow) }
    end
end

local won = 0
local isCurrent = ARGV[3] == decimal(epoch)
local function become(new)
    state, epoch, since, won, probeUntil = new, epoch + 1, now, 1, 0
    buckets = {}
    redis.call('HSET', KEYS[1], 'state', state, 'epoch', decimal(epoch), 'until', decimal(untilMs),
        'since', decimal(since), 'trips', decimal(trips), 'reason', reason, 'probe_until', '0')
    redis.call('HDEL', KEYS[1], 'bucket:0', 'bucket:1', 'bucket:2')
    redis.call('SADD', KEYS[2], ARGV[1])
    redis.call('PEXPIRE', KEYS[1], KEPT_MS)
end

if ARGV[2] == 'count' then
    local calls = tonumber(ARGV[3])
    if calls > 0 then
        local index = slot % 3
        local bucket = buckets[index]
        if not bucket or bucket[1] ~= slot then bucket = { slot, 0, 0, 0 } end
        buckets[index] = { slot, bucket[2] + calls, bucket[3] + tonumber(ARGV[4]),
            bucket[4] + tonumber(ARGV[5]) }
        redis.call('HSET', KEYS[1], 'bucket:' .. decimal(index), decimal(buckets[index][1]) .. ' '
            .. decimal(buckets[index][2]) .. ' ' .. decimal(buckets[index][3]) .. ' '
            .. decimal(buckets[index][4]))
        redis.call('SADD', KEYS[2], ARGV[1])
        redis.call('PEXPIRE', KEYS[1], KEPT_MS)
    end
elseif ARGV[2] == 'open' and isCurrent then
    untilMs, trips, reason = now + tonumber(ARGV[4]), trips + 1, ARGV[5]
    become(ARGV[6])
elseif ARGV[2] == 'probe' and isCurrent and (state == 'open' or state == 'off') and now >= untilMs
    and (now >= probeUntil or kept[11] == ARGV[5]) then
    won = 1
    probeUntil = now + tonumber(ARGV[4])
    redis.call('HSET', KEYS[1], 'probe_until', decimal(probeUntil), 'probe', ARGV[5])
elseif ARGV[2] == 'close' and isCurrent and state ~= 'closed' then
    untilMs = 0
    if state == 'ramping' then
        trips, reason = 0, ''
        become('closed')
    else
        become('ramping')
    end
end

local calls, failed, slow = 0, 0, 0
for _, bucket in pairs(buckets) do
    calls, failed, slow = calls + bucket[2], failed + bucket[3], slow + bucket[4]
end
return { won, state, decimal(epoch), decimal(untilMs), decimal(since), decimal(trips), reason,
    decimal(calls), decimal(failed), decimal(slow), decimal(now) }
