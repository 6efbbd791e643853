-- allowance: calls beyond one a request, of which the fleet has a share of its requests.
--
-- KEYS[1] hash: what is left, in thousandths of a call, by kind
-- ARGV[1] kind       ARGV[2] requests since the last time     ARGV[3] the share, in thousandths
-- ARGV[4] 1 to take one, 0 to add only
-- Answers 1 when one was taken, else 0.
-- O(1).
--
-- A quiet fleet begins with one, so that a lone request may be repeated; what is saved up in quiet
-- times is a hundred at the most, so that a storm after them is none of ours.

local FIRST, MOST, ONE = 1000, 100000, 1000
local left = tonumber(redis.call('HGET', KEYS[1], ARGV[1])) or FIRST
left = math.min(left + tonumber(ARGV[2]) * tonumber(ARGV[3]), MOST)
local taken = 0
if ARGV[4] == '1' and left >= ONE then
    left, taken = left - ONE, 1
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', left))
redis.call('PEXPIRE', KEYS[1], 86400000)
return taken
