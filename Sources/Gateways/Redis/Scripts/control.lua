-- control: carries out what operators have asked for, and says how the partition stands.
--
-- KEYS[1] what was asked            KEYS[2] the pause             KEYS[3] the supervisors' lease
-- ARGV[1] group          ARGV[2] consumer    ARGV[3] the lease's token
-- ARGV[4] commands at the most, at most 100  ARGV[5] now, Unix ms; empty except in tests
-- Answers [who has paused or empty, since when or empty, [[id, command, by, outcome], ...]]; outcome is
-- 'done', 'already' (it stood so before) or 'unknown'. Each command is acknowledged and deleted, and of
-- its words at most 64 and 128 bytes are answered and kept.
-- ['fenced'] when another supervisor has the lease: nothing is written.
-- O(commands).

if redis.call('HGET', KEYS[3], 'token') ~= ARGV[3] then
    return { 'fenced' }
end
local by = redis.call('HGET', KEYS[2], 'by')
local obeyed = {}
if redis.call('XLEN', KEYS[1]) > 0 then
    -- Reading it needs no memory, so a full Redis lets the rest go on.
    local function read()
        return redis.pcall('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[4], 'STREAMS',
            KEYS[1], '>')
    end
    local found = read()
    if found and found.err and string.find(found.err, 'NOGROUP', 1, true) then
        redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0')
        found = read()
    end
    if found and found.err then
        return found
    end
    local now = ARGV[5]
    if now == '' then
        local time = redis.call('TIME')
        now = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
    end
    for _, entry in ipairs(found and found[1][2] or {}) do
        local said = { command = '', by = '' }
        for index = 1, #entry[2], 2 do said[entry[2][index]] = entry[2][index + 1] end
        local who = string.sub(said.by, 1, 128)
        local outcome = 'unknown'
        if said.command == 'pause' then
            outcome = by and 'already' or 'done'
            if not by then
                by = who
                redis.call('HSET', KEYS[2], 'by', who, 'at', now)
            end
        elseif said.command == 'resume' then
            outcome = by and 'done' or 'already'
            by = nil
            redis.call('DEL', KEYS[2])
        end
        redis.call('XACK', KEYS[1], ARGV[1], entry[1])
        redis.call('XDEL', KEYS[1], entry[1])
        obeyed[#obeyed + 1] = { entry[1], string.sub(said.command, 1, 64), who, outcome }
    end
end
return { by or '', by and redis.call('HGET', KEYS[2], 'at') or '', obeyed }
