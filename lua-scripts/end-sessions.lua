-- end-sessions: ends all log-ins of a user, or all but the one that asks.
--
-- KEYS[1]  hash of log-ins, as in open-session.lua
-- ARGV[1]  user
-- ARGV[2]  field of the log-in that stays, '' for none
--
-- Reply: how many were ended. Called by src/people/sessions.ts.

local all, ended = redis.call('HGETALL', KEYS[1]), 0
for n = 1, #all, 2 do
  if all[n] ~= ARGV[2] and cjson.decode(all[n + 1]).user == ARGV[1] then
    redis.call('HDEL', KEYS[1], all[n])
    ended = ended + 1
  end
end
return ended
