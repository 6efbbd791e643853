-- take: reads new entries from several streams, each up to its share, no more than there is room for;
-- what one leaves of its share, the others have.
--
-- KEYS      the request streams, in the order in which they are due, then the mark that requests were
--           taken back which nobody has read
-- ARGV[1]   group      ARGV[2] consumer      ARGV[3] entries to take at the most, at most 100
-- ARGV[4…]  the share of each stream, in the order of KEYS
-- Answers as XREADGROUP does: [[stream, [[id, [name, value, ...]], ...]], ...], where a stream that had
-- more than its share may stand twice; empty when there is nothing. Behind them, where that mark
-- stands, ['taken back']. An error of XREADGROUP is the
-- script's own where nothing was taken before; else what was taken is answered, and the next call
-- meets the error.
-- O(entries taken).
--
-- COUNT of XREADGROUP counts for each stream, so one read over all of them would bring more than
-- there is room for, and one read for each costs a round trip each.

local mark = table.remove(KEYS)
local room = tonumber(ARGV[3])
local taken, more = {}, {}

-- How many came; nil when the stream cannot be read.
local function read(stream, count)
    local found = redis.pcall('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', count,
        'STREAMS', stream, '>')
    if not found then
        return 0
    elseif found.err then
        return nil, found
    end
    taken[#taken + 1] = found[1]
    room = room - #found[1][2]
    return #found[1][2]
end

local function readAll(streams, share)
    for index, stream in ipairs(streams) do
        local count = math.min(room, share(index))
        if count > 0 then
            local found, failure = read(stream, count)
            if failure then
                return failure
            end
            if found == count then more[#more + 1] = stream end
        elseif room > 0 then
            more[#more + 1] = stream
        end
    end
end

local failure = readAll(KEYS, function(index) return tonumber(ARGV[3 + index]) end)
if not failure and room > 0 then
    local left = more
    more = {}
    failure = readAll(left, function() return room end)
end
if failure and #taken == 0 then
    return failure
end
if #taken > 0 and redis.call('EXISTS', mark) == 1 then
    taken[#taken + 1] = { 'taken back' }
end
return taken
