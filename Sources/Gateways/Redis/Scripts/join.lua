-- join: looks for an answer that was given to the same question; while there is none, one request in the
-- whole fleet asks, and the others wait for what it is told.
--
-- KEYS[1] the question's hash
-- ARGV[1] who joins: 'partition boot attempt request_id consumer'
-- ARGV[2] 1 when it may lead     ARGV[3] until when it would, Unix ms
-- ARGV[4] how long an answer is fresh, ms       ARGV[5] now, Unix ms; empty except in tests
-- Answers
--   'hit', age in ms, endpoint, model, answer: there is one
--   'leads': it asks. Behind it stands, like that of a hit, an answer that is no longer fresh, if one is
--       kept: better than none where nobody answers
--   'follows', who leads
--   'free': nobody leads, and it may not
-- The same again when it joins again.
-- O(1); an answer is copied once.

local now = tonumber(ARGV[5])
if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function decimal(number) return string.format('%.0f', number) end

local kept = redis.call('HMGET', KEYS[1], 'at', 'leader', 'until')
local age = kept[1] and math.max(now - tonumber(kept[1]), 0)

local function with(word)
    local answer = { word }
    if age then
        local told = redis.call('HMGET', KEYS[1], 'endpoint', 'model', 'answer')
        answer = { word, decimal(age), told[1] or '', told[2] or '', told[3] or '' }
    end
    return answer
end

if age and age < tonumber(ARGV[4]) then return with('hit') end
if kept[2] and kept[2] ~= ARGV[1] and now < tonumber(kept[3]) then return { 'follows', kept[2] } end
if ARGV[2] ~= '1' then return { 'free' } end
redis.call('HSET', KEYS[1], 'leader', ARGV[1], 'until', ARGV[3])
local lasts = math.max(tonumber(ARGV[3]), redis.call('PEXPIRETIME', KEYS[1]))
redis.call('PEXPIREAT', KEYS[1], decimal(lasts))
return with('leads')
