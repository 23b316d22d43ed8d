-- use-session: looks up a log-in, and notes that it is used.
--
-- Guarantees: one that was ended is never there again, however a request and its end cross; one that is over is gone.
--
-- KEYS[1]  hash of log-ins, as in open-session.lua
-- ARGV[1]  field
-- ARGV[2]  '1' notes the use; '0' only looks, as a page that stays open does by itself
--
-- Reply: what is kept of it, JSON; nil where there is none.
-- Called by src/people/sessions.ts.

local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then return nil end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = cjson.decode(text)
if kept.endsAt <= now or kept.seenAt + kept.idleMs <= now then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return nil
end
if ARGV[2] == '1' then
  kept.seenAt = now
  text = cjson.encode(kept)
  redis.call('HSET', KEYS[1], ARGV[1], text)
end
return text
