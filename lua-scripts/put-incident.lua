-- put-incident: writes one change of an incident together with the messages that it sends.
--
-- Guarantees: the incident and its messages are written together or not at all, and only if nobody else changed the
-- incident, or opened another about the same thing, since the caller read it. Messages of one incident wait for a channel
-- in the order in which they were written.
--
-- KEYS[1]  hash of incidents, by id; JSON with `version` and `key`
-- KEYS[2]  hash of the latest incident's id, by what it is about
-- KEYS[3]  sorted set of incidents by when they are to be looked at, ms
-- KEYS[4]  sorted set of incidents by when they last changed, ms
-- KEYS[5..] pairs, one for each message: list of messages of this incident and channel, JSON with `deferred`; the channel's sorted set of
--           incidents by when their first message is due, ms
-- ARGV[1]  id of the incident
-- ARGV[2]  version that the caller read; 0: there was none
-- ARGV[3]  the incident, JSON
-- ARGV[4]  what it is about
-- ARGV[5]  id of the incident that the caller found about the same thing; empty: none
-- ARGV[6]  when it is to be looked at, ms; empty: when something happens
-- ARGV[7]  when it changed, ms
-- ARGV[8]  most incidents kept; those that changed longest ago go
-- ARGV[9]  time to live of what is written, seconds
-- ARGV[10..] pairs, one for each message: JSON; when it is due, ms
--
-- Reply: 1 written, 0 somebody was faster.
-- Called by src/alerts/incident-store.ts. Times are the caller's: they order and delay, and admit nothing.

local call = redis.call
local id, ttl = ARGV[1], ARGV[9]

local before = call('HGET', KEYS[1], id)
local version = before and cjson.decode(before).version or 0
if version ~= tonumber(ARGV[2]) then return 0 end
if (call('HGET', KEYS[2], ARGV[4]) or '') ~= ARGV[5] then return 0 end

call('HSET', KEYS[1], id, ARGV[3])
call('HSET', KEYS[2], ARGV[4], id)
call('ZADD', KEYS[4], ARGV[7], id)
if ARGV[6] == '' then call('ZREM', KEYS[3], id) else call('ZADD', KEYS[3], ARGV[6], id) end

for n = 1, (#KEYS - 4) / 2 do
  local queue, sends = KEYS[3 + 2 * n], KEYS[4 + 2 * n]
  call('RPUSH', queue, ARGV[8 + 2 * n])
  -- What waits already keeps its time: it may be on its way, or its channel may be failing. What waits for the end of quiet
  -- hours does not, if it became worse.
  local waits = cjson.decode(call('LINDEX', queue, 0)).deferred
  call('ZADD', sends, waits and 'LT' or 'NX', ARGV[9 + 2 * n], id)
  call('EXPIRE', queue, ttl)
  call('EXPIRE', sends, ttl)
end

-- One is written at a time, so two are enough to catch up.
for _ = 1, 2 do
  if call('ZCARD', KEYS[4]) > tonumber(ARGV[8]) then
    local oldest = call('ZRANGE', KEYS[4], 0, 0)[1]
    local text = call('HGET', KEYS[1], oldest)
    local key = text and cjson.decode(text).key
    if key and call('HGET', KEYS[2], key) == oldest then call('HDEL', KEYS[2], key) end
    call('HDEL', KEYS[1], oldest)
    call('ZREM', KEYS[3], oldest)
    call('ZREM', KEYS[4], oldest)
  end
end
for n = 1, 4 do call('EXPIRE', KEYS[n], ttl) end
return 1
