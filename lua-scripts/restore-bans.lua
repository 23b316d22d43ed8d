-- restore-bans: writes bans back from a daemon's memory into a store that has lost them.
--
-- Guarantees: what the store has is left as it is; a ban whose time is over is not brought back. Several daemons may
-- restore the same bans at the same time.
--
-- KEYS[1]  state of the list: epoch, seq, stamp
-- KEYS[2]  records by address
-- KEYS[3]  addresses by the time at which their bans end, ms
-- KEYS[4]  log of changes; the id of an entry is its seq
-- ARGV[1]  epoch to give to a list that has none
-- ARGV[2]  most changes that are kept (approximate)
-- ARGV[3..] for each ban: address, until in ms (0 for ever), record
--
-- Reply: how many were brought back.
-- Called by src/bans/ban-scripts.ts.

local call = redis.call
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local stamp = time[1] .. '.' .. time[2]
if not call('HGET', KEYS[1], 'epoch') then
  call('DEL', KEYS[4])
  call('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', 0)
end
local restored = 0
for at = 3, #ARGV, 3 do
  local address, till = ARGV[at], tonumber(ARGV[at + 1])
  if (till == 0 or till > now) and call('HSETNX', KEYS[2], address, ARGV[at + 2]) == 1 then
    restored = restored + 1
    if till ~= 0 then call('ZADD', KEYS[3], till, address) end
    local seq = call('HINCRBY', KEYS[1], 'seq', 1)
    call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[2], string.format('%.0f', seq) .. '-0', 'stamp', stamp,
      'what', 'restore', 'address', address, 'at', string.format('%.0f', now), 'by', '', 'record', ARGV[at + 2])
    call('HSET', KEYS[1], 'stamp', stamp)
  end
end
return restored
