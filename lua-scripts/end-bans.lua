-- end-bans: lifts bans, or takes away those whose time is over, and notes each for those who follow the list.
--
-- Guarantees: a ban ends once, however many daemons end it at the same time; its evidence goes with it. How often the
-- address was banned stays.
--
-- KEYS[1]  state of the list: epoch, seq, stamp
-- KEYS[2]  records by address
-- KEYS[3]  addresses by the time at which their bans end, ms
-- KEYS[4]  evidence by address
-- KEYS[5]  log of changes; the id of an entry is its seq
-- KEYS[6]  when bans were last hit, by address
-- ARGV[1]  lift or expire
-- ARGV[2]  most changes that are kept (approximate)
-- ARGV[3]  who lifts; empty for expire
-- ARGV[4]  expire: most bans to end now
-- ARGV[5..] lift: addresses
--
-- Reply: lift: for each address the record that it had, or an empty string. expire: the addresses whose bans have ended.
-- Called by src/bans/ban-scripts.ts.

local call = redis.call
local time = call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
local stamp = time[1] .. '.' .. time[2]

local function finish(address)
  call('ZREM', KEYS[3], address)
  local record = call('HGET', KEYS[2], address)
  if not record then return '' end
  call('HDEL', KEYS[2], address)
  call('HDEL', KEYS[4], address)
  call('HDEL', KEYS[6], address)
  local seq = call('HINCRBY', KEYS[1], 'seq', 1)
  call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[2], string.format('%.0f', seq) .. '-0', 'stamp', stamp, 'what', ARGV[1],
    'address', address, 'at', now, 'by', ARGV[3], 'record', record)
  call('HSET', KEYS[1], 'stamp', stamp)
  return record
end

if ARGV[1] == 'expire' then
  local over = call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, ARGV[4])
  for _, address in ipairs(over) do finish(address) end
  return over
end
local records = {}
for n = 5, #ARGV do records[#records + 1] = finish(ARGV[n]) end
return records
