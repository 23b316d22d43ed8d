-- settle-delivery: notes what came of sending the first message of an incident by one channel.
--
-- Guarantees: a message leaves its queue once, by being taken or given up, and never because of what came of another; one
-- that is given up is in the list of those in the same step. The next of the same incident follows it.
--
-- KEYS[1]  list of messages of this incident and channel; JSON with `id` and `dueAt` (ms)
-- KEYS[2]  sorted set of incidents by when their first message is due, ms
-- KEYS[3]  hash of attempts, by incident
-- KEYS[4]  hash of the channel's state: `fails` in a row, rests `until` (ms)
-- KEYS[5]  list of messages that were given up
-- ARGV[1]  id of the incident
-- ARGV[2]  id of the message; empty: there was none
-- ARGV[3]  `done`, `later` or `dead`
-- ARGV[4]  when it is tried again, ms
-- ARGV[5]  `ok`: the channel works; `failed`: it does not; empty: this says nothing of the channel
-- ARGV[6]  until when the channel rests, ms; 0: it does not
-- ARGV[7]  what is kept of one that is given up, JSON
-- ARGV[8]  most of those that are kept
-- ARGV[9]  time to live, seconds
--
-- Reply: 1, or 0 where somebody else had settled that message.
-- Called by src/alerts/outbox.ts.

local call = redis.call

if ARGV[5] == 'ok' then
  call('HSET', KEYS[4], 'fails', 0, 'until', 0)
elseif ARGV[5] == 'failed' then
  call('HINCRBY', KEYS[4], 'fails', 1)
  call('HSET', KEYS[4], 'until', ARGV[6])
end
call('EXPIRE', KEYS[4], ARGV[9])

local function goOn()
  local first = call('LINDEX', KEYS[1], 0)
  call('HDEL', KEYS[3], ARGV[1])
  if first then
    call('ZADD', KEYS[2], string.format('%.0f', cjson.decode(first).dueAt), ARGV[1])
  else
    call('ZREM', KEYS[2], ARGV[1])
  end
end

local first = call('LINDEX', KEYS[1], 0)
if not first or cjson.decode(first).id ~= ARGV[2] then
  if not first then goOn() end
  return 0
end
if ARGV[3] == 'later' then
  call('ZADD', KEYS[2], ARGV[4], ARGV[1])
  return 1
end
call('LPOP', KEYS[1])
if ARGV[3] == 'dead' then
  call('LPUSH', KEYS[5], ARGV[7])
  call('LTRIM', KEYS[5], 0, ARGV[8] - 1)
  call('EXPIRE', KEYS[5], ARGV[9])
end
goOn()
return 1
