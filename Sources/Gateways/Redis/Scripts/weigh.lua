-- weigh: finds, among one consumer's pending entries, those that are too large to be sent to it.
--
-- KEYS[1] the request stream
-- ARGV[1] group   ARGV[2] consumer   ARGV[3] bytes that can be sent   ARGV[4] entries looked at,
--         at most 100
-- Answers [[id, bytes, request_id or empty], ...]; bytes of all names and values of the entry.
-- O(bytes of the entries looked at), inside Redis; only asked after a read has failed for its size.

local heavy = {}
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[2])) do
    local entry = redis.call('XRANGE', KEYS[1], pending[1], pending[1])[1]
    if entry then
        local bytes, name = 0, ''
        for index = 1, #entry[2], 2 do
            bytes = bytes + #entry[2][index] + #entry[2][index + 1]
            if entry[2][index] == 'request_id' and #entry[2][index + 1] <= 128 then
                name = entry[2][index + 1]
            end
        end
        if bytes > tonumber(ARGV[3]) then
            heavy[#heavy + 1] = { pending[1], bytes, name }
        end
    end
end
return heavy
