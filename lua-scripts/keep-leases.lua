-- keep-leases: says of one call that it is still under way, or that it is over.
--
-- Guarantees: a call has one lease in each set however often it is said; a call whose lease lapsed while nobody could say
-- anything is counted again, also beyond the ceiling; ending a call twice ends it once.
--
-- KEYS[1]      record of the call: names it, and is not read
-- KEYS[1 + i]  leases that the call holds
-- ARGV[1]      seconds that the leases last from now; 0 to end them
-- ARGV[2]      now, epoch ms; missing for the time of this server (always missing in production)
--
-- Reply: number of leases that were there before.
-- Called by src/redis/limit-scripts.ts.

local call = redis.call
local mark = string.sub(redis.sha1hex(KEYS[1]), 1, 16)
local seconds = tonumber(ARGV[1])
local time = call('TIME')
local now = tonumber(ARGV[2]) or time[1] * 1000 + math.floor(time[2] / 1000)
local found = 0
for i = 2, #KEYS do
  if seconds == 0 then
    found = found + call('ZREM', KEYS[i], mark)
  else
    found = found + 1 - call('ZADD', KEYS[i], now + seconds * 1000, mark)
    -- Other calls in the set may last longer.
    if call('TTL', KEYS[i]) <= seconds then call('EXPIRE', KEYS[i], seconds + 1) end
  end
end
return found
