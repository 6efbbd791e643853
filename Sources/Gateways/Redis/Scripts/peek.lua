-- peek: reads entries without taking them, no more of them than an answer can bring.
--
-- KEYS[1] the request stream
-- ARGV[1] ID from which on; behind a '(' it is left out         ARGV[2] ID up to which
-- ARGV[3] entries at the most, at most 100
-- ARGV[4] bytes of one entry and ARGV[5] of all together at the most
-- Answers [[id, 0, [name, value, ...]], ...]. Of an entry that is larger than one may be it answers
-- [id, its bytes, ['request_id', value]], or an empty list where it names no request.
-- Writes nothing.
-- O(bytes of the entries).

local from, page, sum = ARGV[1], {}, 0
while #page < tonumber(ARGV[3]) and sum < tonumber(ARGV[5]) do
    local entry = redis.call('XRANGE', KEYS[1], from, ARGV[2], 'COUNT', 1)[1]
    if not entry then
        break
    end
    from = '(' .. entry[1]
    local bytes, name = 0, {}
    for index = 1, #entry[2], 2 do
        bytes = bytes + #entry[2][index] + #entry[2][index + 1]
        if entry[2][index] == 'request_id' and #entry[2][index + 1] <= 128 then
            name = { 'request_id', entry[2][index + 1] }
        end
    end
    if bytes > tonumber(ARGV[4]) then
        page[#page + 1] = { entry[1], bytes, name }
    else
        page[#page + 1] = { entry[1], 0, entry[2] }
        sum = sum + bytes
    end
end
return page
