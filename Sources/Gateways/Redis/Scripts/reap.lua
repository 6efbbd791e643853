-- reap: removes a consumer that is gone and has nothing pending, from all streams of a partition.
--
-- KEYS[1…4] the request streams retry, high, normal, low
-- KEYS[5] the consumer's sign of life     KEYS[6] the supervisors' lease
-- KEYS[7] the entry that it ran alone
-- ARGV[1] group      ARGV[2] consumer     ARGV[3] the lease's token
-- Answers the number of streams whose group does not have it now; -1 when another supervisor has the
-- lease; 0 when it lives.
-- O(1). Looking and removing are one step: XGROUP DELCONSUMER drops what is pending, for ever.

if redis.call('HGET', KEYS[6], 'token') ~= ARGV[3] then
    return -1
end
if redis.call('EXISTS', KEYS[5]) == 1 then
    return 0
end
local removed = 0
for index = 1, 4 do
    local pending = redis.pcall('XPENDING', KEYS[index], ARGV[1], '-', '+', 1, ARGV[2])
    -- Without a stream or a group there is nothing to remove.
    if not pending.err and #pending == 0 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[index], ARGV[1], ARGV[2])
        removed = removed + 1
    end
end
-- Nothing is pending that the mark could be asked about.
if removed == 4 then
    redis.call('DEL', KEYS[7])
end
return removed
