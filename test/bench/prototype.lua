-- The floor for the price of the script: the least that an all-or-nothing GCRA over K keys can do.
--
-- One limit for each key, its theoretical arrival time (microseconds) packed as one double. Reads each key, checks each,
-- then writes all or none. It has no second window, no record of the call, no deadline, no change of limits, no rule that
-- only counts, and its arithmetic rounds: what Tollgate costs more is the price of these.
--
-- KEYS[i]      bucket i
-- ARGV[2i - 1] microseconds between two calls; ARGV[2i] burst in microseconds
-- Reply: { 1 taken or 0 refused, then for each key: microseconds of room left }

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrivals, reply, refused = {}, { 1 }, false
for i = 1, #KEYS do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local value = redis.call('GET', KEYS[i])
  local arrival = value and struct.unpack('<d', value) or now
  if arrival < now then arrival = now end
  arrival = arrival + interval
  local room = burst - (arrival - now)
  if room < 0 then refused = true end
  arrivals[i], reply[i + 1] = arrival, room
end
if refused then
  reply[1] = 0
  return reply
end
for i = 1, #KEYS do
  local keep = math.ceil((arrivals[i] - now) / 1000) + tonumber(ARGV[2 * i]) / 1000
  redis.call('SET', KEYS[i], struct.pack('<d', arrivals[i]), 'PX', string.format('%.0f', keep))
end
return reply
