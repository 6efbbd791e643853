-- held: a page of what one consumer has pending, each with what names its request.
--
-- KEYS[1] the request stream
-- ARGV[1] group   ARGV[2] consumer   ARGV[3] ID from which on; behind a '(' it is left out
-- ARGV[4] entries at the most, at most 100
-- Answers [[id, request_id], ...]; request_id is empty when there is none, two, or more than 128
-- bytes of it.
-- Writes nothing.
-- O(bytes of the entries), inside Redis: no payload is sent.

local page = {}
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], '+', ARGV[4], ARGV[2])) do
    local entry = redis.call('XRANGE', KEYS[1], pending[1], pending[1])[1]
    local name, count = '', 0
    for index = 1, entry and #entry[2] or 0, 2 do
        local field, value = entry[2][index], entry[2][index + 1]
        if field == 'request_id' then
            count = count + 1
            name = #value <= 128 and value or ''
        end
    end
    page[#page + 1] = { pending[1], count == 1 and name or '' }
end
return page
