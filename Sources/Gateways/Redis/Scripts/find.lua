-- find: looks through a part of a stream, and answers some fields of the entries that match.
--
-- KEYS[1] the stream
-- ARGV[1] ID from which on; behind a '(' it is left out      ARGV[2] 1 when the newest come first
-- ARGV[3] entries looked at, at most 100
-- ARGV[4] field and ARGV[5] its value, for those that match; the field is empty when all do
-- ARGV[6…] names of the fields that are answered; of each value at most 4096 bytes
-- Answers how many entries were looked at, the last one's ID or empty, and
-- [[id, bytes of all names and values, [name, value, ...]], ...]
-- Writes nothing.
-- O(bytes of the entries looked at), inside Redis: no payload is sent.

local VALUE_MAX = 4096
local wanted, page = {}, {}
for index = 6, #ARGV do wanted[ARGV[index]] = true end
local entries
if ARGV[2] == '1' then
    entries = redis.call('XREVRANGE', KEYS[1], ARGV[1], '-', 'COUNT', ARGV[3])
else
    entries = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[3])
end
for _, entry in ipairs(entries) do
    local bytes, fields, matches = 0, {}, ARGV[4] == ''
    for index = 1, #entry[2], 2 do
        local name, value = entry[2][index], entry[2][index + 1]
        bytes = bytes + #name + #value
        if name == ARGV[4] and value == ARGV[5] then matches = true end
        if wanted[name] then
            fields[#fields + 1] = name
            fields[#fields + 1] = string.sub(value, 1, VALUE_MAX)
        end
    end
    if matches then page[#page + 1] = { entry[1], bytes, fields } end
end
return { #entries, #entries > 0 and entries[#entries][1] or '', page }
