-- bury: moves an entry that names nobody to the dead letters: all or none.
--
-- KEYS[1] the request stream        KEYS[2] the dead letters
-- ARGV[1] group      ARGV[2] entry ID     ARGV[3] reason       ARGV[4] queue
-- ARGV[5] bytes cut away            ARGV[6] dead letters to keep, about
-- ARGV[7…] the entry's own names and values in turn, at most 7,000 of them: each name comes back
--          behind 'entry.', so that it cannot be taken for one of ours
-- Answers 'buried'; 'already' when the entry was not pending, and then writes nothing;
-- 'unwritable' when the dead letters' key is no stream: then the entry is acknowledged and deleted
-- all the same, for it would come back for ever.
-- O(number of fields).

if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then
    return 'already'
end
local kind = redis.call('TYPE', KEYS[2])['ok']
if kind ~= 'none' and kind ~= 'stream' then
    redis.call('XDEL', KEYS[1], ARGV[2])
    return 'unwritable'
end
local time = redis.call('TIME')
local at = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
local letter = {
    'reason', ARGV[3], 'queue', ARGV[4], 'entry_id', ARGV[2], 'at', at, 'bytes_cut', ARGV[5],
}
for index = 7, #ARGV, 2 do
    letter[#letter + 1] = 'entry.' .. ARGV[index]
    letter[#letter + 1] = ARGV[index + 1]
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', unpack(letter))
redis.call('XDEL', KEYS[1], ARGV[2])
return 'buried'
