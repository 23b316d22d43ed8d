-- end-sessions: ends all log-ins of a user.
--
-- Guarantees: whatever log-in was there when it ran is gone for every daemon, and none of anybody else.
--
-- KEYS[1]  hash of log-ins, as in open-session.lua
-- ARGV[1]  user
--
-- Reply: how many were ended.
-- Called by src/people/sessions.ts.

local all, ended = redis.call('HGETALL', KEYS[1]), 0
for n = 1, #all, 2 do
  if cjson.decode(all[n + 1]).user == ARGV[1] then
    redis.call('HDEL', KEYS[1], all[n])
    ended = ended + 1
  end
end
return ended
