-- measure: reads a partition's books in one step, so that nothing moves while it is counted.
--
-- KEYS[1…4] the request streams retry, high, normal, low
-- KEYS[5] counters       KEYS[6] requests by deadline
-- ARGV[1] group
-- Answers now (Unix ms), [counter, value, ...], how many requests have a deadline to come or past, and
-- for each stream: entries ever added, entries, pending, lag (-1 when Redis does not know it), last
-- delivered ID, ID of the oldest entry that was not delivered or empty, 1 when the group is there.
-- Writes nothing.
-- O(counters + groups); the first and the last entry of each stream are copied once.

local function named(list)
    local fields = {}
    for index = 1, #list, 2 do fields[list[index]] = list[index + 1] end
    return fields
end

local time = redis.call('TIME')
local streams = {}
for index = 1, 4 do
    local key = KEYS[index]
    local row = { 0, 0, 0, -1, '0-0', '', 0 }
    local stream = redis.pcall('XINFO', 'STREAM', key)
    if not stream.err then
        stream = named(stream)
        row[1], row[2] = stream['entries-added'], stream['length']
        for _, found in ipairs(redis.call('XINFO', 'GROUPS', key)) do
            local group = named(found)
            if group['name'] == ARGV[1] then
                row[3], row[4] = group['pending'], group['lag'] or -1
                row[5], row[7] = group['last-delivered-id'], 1
            end
        end
        local oldest = redis.call('XRANGE', key, '(' .. row[5], '+', 'COUNT', 1)[1]
        row[6] = oldest and oldest[1] or ''
    end
    streams[index] = row
end
return {
    time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000)),
    redis.call('HGETALL', KEYS[5]), redis.call('ZCARD', KEYS[6]),
    streams[1], streams[2], streams[3], streams[4],
}
