-- claim-deliveries: takes incidents whose first message for one channel is due, for the time of a lease.
--
-- Guarantees: of several daemons one has an incident at a time, until its lease is over; whoever was killed meanwhile
-- loses nothing. No more are given than the channel may take a minute, over all daemons, and none while it rests; a
-- channel that fails is tried by one message at a time.
--
-- KEYS[1]  sorted set of incidents by when their first message is due, ms
-- KEYS[2]  hash of attempts, by incident
-- KEYS[3]  hash of the channel's state: `fails` in a row, rests `until` (ms), `paid` (ms, up to when messages are paid for)
-- ARGV[1]  what is due until here, ms
-- ARGV[2]  end of the lease, ms
-- ARGV[3]  most to take
-- ARGV[4]  what one message costs, ms: a minute divided by messages a minute
-- ARGV[5]  how far messages may be paid for in advance, ms
-- ARGV[6]  failures in a row from which on the channel is tried by one message at a time
-- ARGV[7]  time to live, seconds
--
-- Reply: { fails, incident, attempts with this one, incident, attempts, … }
-- Called by src/alerts/outbox.ts. Times are the caller's: clocks that differ delay a message by their difference.

local call = redis.call
local now = tonumber(ARGV[1])
local state = call('HMGET', KEYS[3], 'fails', 'until', 'paid')
local fails, restsUntil, paid = tonumber(state[1] or 0), tonumber(state[2] or 0), tonumber(state[3] or 0)
local reply = { fails }
if restsUntil > now then return reply end

local failing = fails >= tonumber(ARGV[6])
local most = failing and 1 or tonumber(ARGV[3])
-- A clock that was set back must not keep the channel shut.
if paid > now + 120000 then paid = now end
for _, incident in ipairs(call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, most)) do
  paid = math.max(paid, now)
  if paid - now > tonumber(ARGV[5]) then break end
  paid = paid + tonumber(ARGV[4])
  call('ZADD', KEYS[1], ARGV[2], incident)
  reply[#reply + 1] = incident
  reply[#reply + 1] = call('HINCRBY', KEYS[2], incident, 1)
end
if #reply > 1 then
  call('HSET', KEYS[3], 'paid', string.format('%.0f', paid))
  if failing then call('HSET', KEYS[3], 'until', ARGV[2]) end
  call('EXPIRE', KEYS[2], ARGV[7])
  call('EXPIRE', KEYS[3], ARGV[7])
end
return reply
