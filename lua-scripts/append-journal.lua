-- append-journal: writes a batch of decisions and counts, once.
--
-- Guarantees: a batch that is sent again because its answer was lost is not written again; the stream stays within its
-- bounds of number and age (both approximate by one node of the stream, some hundred entries).
--
-- KEYS[1]      mark of this batch
-- KEYS[2]      stream of decisions
-- KEYS[3]      list of outages of the store
-- KEYS[4]      counts of this hour
-- ARGV[1]      most decisions kept
-- ARGV[2]      seconds they are kept
-- ARGV[3]      number of decisions, n
-- ARGV[4]      number of outages, m
-- ARGV[5..]    n decisions (JSON), m outages (JSON), then pairs: field of the counts, how many more
--
-- Reply: 1 written, 0 it had been written before.
-- Called by src/gate/journal.ts.

local call = redis.call
local most, seconds, decisions, outages = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if not call('SET', KEYS[1], '', 'NX', 'EX', 600) then return 0 end
local at = 5
for _ = 1, decisions do
  call('XADD', KEYS[2], 'MAXLEN', '~', most, '*', 'd', ARGV[at])
  at = at + 1
end
if decisions > 0 then
  local oldest = tonumber(call('TIME')[1]) - seconds
  call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f', math.max(0, oldest) * 1000))
  call('EXPIRE', KEYS[2], seconds)
end
for _ = 1, outages do
  call('LPUSH', KEYS[3], ARGV[at])
  at = at + 1
end
if outages > 0 then
  call('LTRIM', KEYS[3], 0, 99)
  call('EXPIRE', KEYS[3], seconds)
end
if at < #ARGV then
  while at < #ARGV do
    call('HINCRBY', KEYS[4], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  call('EXPIRE', KEYS[4], seconds)
end
return 1
