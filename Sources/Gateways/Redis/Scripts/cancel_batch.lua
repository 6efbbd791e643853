-- cancel_batch: remembers that a whole batch is taken back, so that whatever of it is read from now on
-- ends, and tells some of those that are in the books already, to be ended by `cancel`.
--
-- KEYS[1] the mark that it is taken back    KEYS[2] its members in the books
-- KEYS[3] the supervisors' lease            KEYS[4] the mark that there are such marks
-- ARGV[1] the lease's token     ARGV[2] who takes it back, a JSON value
-- ARGV[3] time that it is remembered, ms    ARGV[4] members to tell at the most, at most 100
-- Answers [request_id, ...]; those that have ended are among the members no more, so who ends what he is
-- told and asks again comes to the end. -1: another supervisor has the lease.
-- O(members told).

if redis.call('HGET', KEYS[3], 'token') ~= ARGV[1] then
    return -1
end
redis.call('SCARD', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3], 'NX')
redis.call('SET', KEYS[4], '1', 'PX', ARGV[3])
return redis.call('SRANDMEMBER', KEYS[2], ARGV[4])
