-- How the C program of the bench reads several streams in their order, no more than there is room for.
--
-- KEYS      the request streams, most urgent first
-- ARGV[1]   group      ARGV[2] consumer      ARGV[3] entries to take at the most, at most 100
-- Answers as XREADGROUP does: [[stream, [[id, [name, value, ...]], ...]], ...]; empty when there is
-- nothing. An error of XREADGROUP is the script's own where nothing was taken before; else what was
-- taken is answered, and the next call meets the error.
-- O(entries taken).
--
-- COUNT of XREADGROUP counts for each stream, so one read over all of them would bring more than
-- there is room for, and one read for each costs a round trip each.

local room = tonumber(ARGV[3])
local taken = {}
for _, stream in ipairs(KEYS) do
    if room <= 0 then
        break
    end
    local found = redis.pcall('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', room,
        'STREAMS', stream, '>')
    if found and found.err then
        if #taken == 0 then return found end
        break
    end
    if found then
        room = room - #found[1][2]
        taken[#taken + 1] = found[1]
    end
end
return taken
