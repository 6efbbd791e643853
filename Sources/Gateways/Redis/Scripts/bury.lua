-- bury: moves an entry that cannot be answered to the dead letters, and tells whose id it used: all or
-- none.
-- Begins with ending.lua.
--
-- KEYS[1] the request stream        KEYS[2] the dead letters        KEYS[3] the reply stream
-- KEYS[4] counters       KEYS[5…14] its batch's, where it is a member of one
-- ARGV[1] group      ARGV[2] entry ID     ARGV[3] reason       ARGV[4] queue
-- ARGV[5] bytes cut away            ARGV[6] dead letters to keep, about
-- ARGV[7] request_id and ARGV[8] payload of a `refused` event; both empty when nobody is told
-- ARGV[9] reply TTL, ms, where the answer has gone already
-- ARGV[10] its place in a batch, or empty   ARGV[11] its request_id, where it has a place
-- ARGV[12…] the entry's own names and values in turn, at most 7,000 of them: each name comes back
--          behind 'entry.', so that it cannot be taken for one of ours
-- Answers 'buried'; 'already' when the entry was not pending, and then writes nothing;
-- 'unwritable' when the dead letters' key is no stream: then the entry is acknowledged and deleted
-- all the same, for it would come back for ever.
-- O(number of fields).

local reply = redis.call('TYPE', KEYS[3])['ok']
local member = memberOf(ARGV[10], 5)
redis.call('HEXISTS', KEYS[4], 'ended')
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then
    return 'already'
end
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('HINCRBY', KEYS[4], 'dead:' .. ARGV[4], 1)
local now = present('')
local at = decimal(now)
if ARGV[7] ~= '' and (reply == 'none' or reply == 'stream') then
    redis.call('XADD', KEYS[3], '*', 'event', 'refused', 'request_id', ARGV[7], 'attempt', '1',
        'at', at, 'v', '1', 'payload', ARGV[8])
    if redis.call('PTTL', KEYS[3]) < 0 then redis.call('PEXPIRE', KEYS[3], ARGV[9]) end
end
if member and ARGV[7] ~= '' then
    endStranger(member, ARGV[11], now)
elseif member then
    endMember(member, ARGV[11], '1', 'failed', 'internal', '0', now)
end
local kind = redis.call('TYPE', KEYS[2])['ok']
if kind ~= 'none' and kind ~= 'stream' then
    return 'unwritable'
end
local letter = {
    'reason', ARGV[3], 'queue', ARGV[4], 'entry_id', ARGV[2], 'at', at, 'bytes_cut', ARGV[5],
}
for index = 12, #ARGV, 2 do
    letter[#letter + 1] = 'entry.' .. ARGV[index]
    letter[#letter + 1] = ARGV[index + 1]
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', unpack(letter))
return 'buried'
