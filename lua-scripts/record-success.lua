-- record-success: notes that an account was let in from an address, and forgives what the same account got wrong from there.
--
-- Guarantees: only what is kept one by one of this account at this address is forgiven (at most the last 30 events), in every
-- count that it was put in; what other accounts did from the address stays counted, so that one who has an account of his
-- own cannot wash away his guesses at others. The last successes are bounded: where there is no room, of sixteen at random
-- the oldest goes.
--
-- KEYS[1]  records of addresses    KEYS[2]  records of networks    KEYS[3]  records of accounts
-- KEYS[4]  last successes, epoch ms
-- ARGV[1]  now, epoch ms; '' for the time of this server (always '' in production)
-- ARGV[2]  account, at most 24 bytes; '' where it is not known: then nothing is forgiven
-- ARGV[3]  4 bytes for the address, ARGV[4] for the account
-- ARGV[5]  field of the account in KEYS[3]
-- ARGV[6]  most successes
-- ARGV[7..9] fields of the last successes: of the address, of the account there ('' none), of the network
-- ARGV[10..] for each service that this success speaks for: field of the address in KEYS[1], of the network in KEYS[2]
--
-- Reply: how many events were forgiven. Records are as in record-offence.lua.
-- Called by src/bans/offence-counters.ts.

local SLICE_MS, KEPT_SECONDS, SUCCESS_SECONDS = 21600000, 604800, 2592000
local call, pack, unpack_bytes, sub, byte = redis.call, struct.pack, struct.unpack, string.sub, string.byte

local now
if ARGV[1] == '' then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
else
  now = tonumber(ARGV[1])
end
local account, address_bytes, account_bytes = ARGV[2], ARGV[3], ARGV[4]

for n = 7, 9 do
  local field = ARGV[n]
  if field ~= '' and call('HEXISTS', KEYS[4], field) == 0 and call('HLEN', KEYS[4]) >= tonumber(ARGV[6]) then
    local sample = call('HRANDFIELD', KEYS[4], 16, 'WITHVALUES')
    local oldest = 1
    for each = 3, #sample, 2 do
      if tonumber(sample[each + 1]) < tonumber(sample[oldest + 1]) then oldest = each end
    end
    call('HDEL', KEYS[4], sample[oldest])
  end
  if field ~= '' then call('HSET', KEYS[4], field, string.format('%.0f', now)) end
end
call('EXPIRE', KEYS[4], SUCCESS_SECONDS)

-- Takes events out of a record: some of each slice, the other they belong to, and those with these marks.
local function take(key, field, gone, other, marks)
  local text = call('HGET', key, field)
  if not text then return end
  local slices, others, events, left = {}, {}, {}, 0
  local at = 3
  for _ = 1, byte(text, 1) do
    local number, total, sure = unpack_bytes('<I3I2I2', sub(text, at, at + 6))
    local less = gone[number] or { 0, 0 }
    total, sure = math.max(0, total - less[1]), math.max(0, sure - less[2])
    left = left + total
    if total > 0 then slices[#slices + 1] = pack('<I3I2I2', number, total, sure) end
    at = at + 7
  end
  for _ = 1, byte(text, 2) do
    if sub(text, at, at + 3) ~= other then others[#others + 1] = sub(text, at, at + 6) end
    at = at + 7
  end
  while at < #text do
    local length = byte(text, at + 6)
    if not marks[sub(text, at + 7, at + 12)] then events[#events + 1] = sub(text, at, at + 6 + length) end
    at = at + 7 + length
  end
  if left == 0 then
    call('HDEL', key, field)
  else
    call('HSET', key, field, pack('BB', #slices, #others) .. table.concat(slices) .. table.concat(others) .. table.concat(events))
    call('EXPIRE', key, KEPT_SECONDS)
  end
  return left
end

if account == '' then return 0 end
local forgiven, of_account = 0, {}
for n = 10, #ARGV, 2 do
  local text = call('HGET', KEYS[1], ARGV[n])
  local gone, marks, found = {}, {}, 0
  if text then
    local at = 3 + 7 * (byte(text, 1) + byte(text, 2))
    while at < #text do
      local time, length = unpack_bytes('<I6B', sub(text, at, at + 6))
      local event = sub(text, at + 7, at + 6 + length)
      if sub(event, 10) == account then
        local slice = math.floor(time / SLICE_MS)
        local certain = byte(event, 7) >= 128 and 1 or 0
        for _, counts in ipairs({ gone, of_account }) do
          local less = counts[slice] or { 0, 0 }
          counts[slice] = { less[1] + 1, less[2] + certain }
        end
        marks[sub(event, 1, 6)] = true
        found = found + 1
      end
      at = at + 7 + length
    end
  end
  if found > 0 then
    forgiven = forgiven + found
    local left = take(KEYS[1], ARGV[n], gone, account_bytes, marks)
    take(KEYS[2], ARGV[n + 1], gone, left == 0 and address_bytes or '', marks)
  end
end
if forgiven > 0 then take(KEYS[3], ARGV[5], of_account, address_bytes, {}) end
return forgiven
