-- note-refusal: a rule with a lockout refused a call, and locks its subject if that was one too many; or locks it at once.
--
-- Guarantees: refusals are counted exactly, whoever sees them, and a call once. A subject is locked once by a rule, by the
-- refusal that was one too many, and one that is locked stays so with what was said of it first. With the lock its count
-- is forgotten: after the lock was cleared, it takes as many refusals as before. A lock has no time to live.
--
-- KEYS[1]  hash of locks
-- KEYS[2]  sorted set of refused calls by when they were, epoch ms
-- ARGV[1]  field of the lock
-- ARGV[2]  the lock, JSON
-- ARGV[3]  most locks
-- ARGV[4]  how many refusals are too many; 0 to lock at once
-- ARGV[5]  within how many seconds
-- ARGV[6]  which call was refused
--
-- Reply: { outcome, refusals }; outcome is 1 where this made the lock, 2 where there was one, 3 where there are too many
-- locks to make one more, 0 where the subject is not locked.
-- Called by src/locks/lock-scripts.ts.

local call = redis.call

if call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return { 2, 0 } end
local most = tonumber(ARGV[4])
local refusals = 0
if most > 0 then
  local time = call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local seconds = tonumber(ARGV[5])
  -- What a clock set back has left ahead counts as now, so that it does not count for longer than it should.
  for _, ahead in ipairs(call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', now), '+inf', 'LIMIT', 0, 100)) do
    call('ZADD', KEYS[2], now, ahead)
  end
  call('ZADD', KEYS[2], 'NX', now, ARGV[6])
  call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - seconds * 1000))
  call('EXPIRE', KEYS[2], seconds + 1)
  refusals = call('ZCARD', KEYS[2])
  if refusals < most then return { 0, refusals } end
end
if call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return { 3, refusals } end
call('HSET', KEYS[1], ARGV[1], ARGV[2])
call('DEL', KEYS[2])
return { 1, refusals }
