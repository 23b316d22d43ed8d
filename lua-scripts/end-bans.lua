-- end-bans: lifts bans, or takes away those whose time is over, and notes each for those who follow the list.
--
-- Guarantees: a ban ends once, however many daemons end it at the same time; its evidence goes with it. How often the
-- address was banned stays. Addresses that are to be left alone are so from the same moment: no automatic ban that was
-- judged before comes through.
--
-- KEYS[1]  state of the list: epoch, seq, stamp, alone
-- KEYS[2]  records by address
-- KEYS[3]  addresses by the time at which their bans end, ms
-- KEYS[4]  evidence by address
-- KEYS[5]  log of changes; the id of an entry is its seq
-- KEYS[6]  when bans were last hit, by address
-- KEYS[7]  who is left alone, by address: `until since by`, ms
-- ARGV[1]  lift or expire
-- ARGV[2]  most changes that are kept (approximate)
-- ARGV[3]  who lifts; empty for expire
-- ARGV[4]  expire: most bans to end now; lift: most addresses that are left alone
-- ARGV[5]  lift: ms for which the addresses are left alone; 0: not
-- ARGV[6..] lift: addresses
--
-- Reply: lift: `full` if too many are left alone; else for each address the record that it had, or an empty string. expire: the addresses whose bans have ended.
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

local alone = tonumber(ARGV[5])
if alone > 0 then
  local kept = call('HGETALL', KEYS[7])
  for n = 1, #kept, 2 do
    if tonumber(string.match(kept[n + 1], '^%d+')) <= tonumber(now) then call('HDEL', KEYS[7], kept[n]) end
  end
  if call('HLEN', KEYS[7]) + #ARGV - 5 > tonumber(ARGV[4]) then return { 'full' } end
  local till = string.format('%.0f', tonumber(now) + alone)
  for n = 6, #ARGV do call('HSET', KEYS[7], ARGV[n], till .. ' ' .. now .. ' ' .. ARGV[3]) end
  call('HINCRBY', KEYS[1], 'alone', 1)
end
local records = {}
for n = 6, #ARGV do records[#records + 1] = finish(ARGV[n]) end
return records
