-- open-session: keeps a new log-in, and lets go of those that are over.
--
-- Guarantees: a user has at most so many log-ins, of which the oldest goes for a new one; times are those of this server,
-- so daemons with different clocks agree.
--
-- KEYS[1]  hash of log-ins, by the SHA-256 of the cookie; JSON with `user`, `openedAt`, `seenAt`, `endsAt`, `idleMs`
-- ARGV[1]  field of the new one
-- ARGV[2]  what is kept of it, JSON object without times
-- ARGV[3]  user
-- ARGV[4]  how long it lasts at most, ms    ARGV[5]  how long it lasts without a request, ms
-- ARGV[6]  most log-ins of one user
-- ARGV[7]  field of the log-in that the new one takes the place of, '' for none
--
-- Reply: when it ends at the latest, epoch ms.
-- Called by src/people/sessions.ts. Nothing here outlives `endsAt` by more than the next log-in of anybody; the key itself
-- goes with the last of them.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lasts, idle, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

if ARGV[7] ~= '' then redis.call('HDEL', KEYS[1], ARGV[7]) end
local all, own, latest = redis.call('HGETALL', KEYS[1]), {}, now + lasts
for n = 1, #all, 2 do
  local each = cjson.decode(all[n + 1])
  if each.endsAt <= now or each.seenAt + each.idleMs <= now then
    redis.call('HDEL', KEYS[1], all[n])
  else
    latest = math.max(latest, each.endsAt)
    if each.user == ARGV[3] then own[#own + 1] = { at = each.openedAt, field = all[n] } end
  end
end
table.sort(own, function(a, b) return a.at < b.at end)
for n = 1, #own - most + 1 do redis.call('HDEL', KEYS[1], own[n].field) end

local kept = cjson.decode(ARGV[2])
kept.user, kept.openedAt, kept.seenAt, kept.endsAt, kept.idleMs = ARGV[3], now, now, now + lasts, idle
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(kept))
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', latest))
return now + lasts
