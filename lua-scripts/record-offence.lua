-- record-offence: counts one hostile event wherever it matters: for its address, for the network around it, for the account.
--
-- Guarantees
--   * One step: two daemons that each see a part of an attack count it together, and each reply holds all of it.
--   * An event that two daemons report counts once, as long as it is one of the last 30 of its address.
--   * The last 30 events of an address are kept one by one, so that up to 30 in any window is exact. Further back is counted
--     in slices of six hours, of seven days; what is older than that is forgotten.
--   * Bounded: a hash has no more records than ARGV says, and a record no more than 30 events, 28 slices and 32 others.
--     Where one is full, sixteen records at random are looked at, and of those with the fewest events the one that began
--     first makes room. So many addresses that come once do not hide one that goes on.
--
-- KEYS[1]  records of addresses    KEYS[2]  records of networks    KEYS[3]  records of accounts
-- KEYS[4]  last successes
-- ARGV[1]  now, epoch ms; '' for the time of this server (always '' in production)
-- ARGV[2]  6 bytes that are the same for the same event
-- ARGV[3]  what to keep of it: flags (1 byte; 128: its sender is certain), port (u16, little-endian), account (at most 24 bytes)
-- ARGV[4]  field of the address; ARGV[5] of the network, '' none; ARGV[6] of the account, '' none
-- ARGV[7]  4 bytes for the address, ARGV[8] for the account, '' none
-- ARGV[9]  1: the network keeps single events as an address does
-- ARGV[10] most addresses; ARGV[11] most networks; ARGV[12] most accounts
-- ARGV[13] field of the last success of the address; ARGV[14] of the account there; ARGV[15] of the network; '' none
--
-- A record, little-endian: [u8 slices] [u8 others] then slices, oldest first: [u24 number] [u16 events] [u16 certain ones];
--   others: [4 bytes] [u24 slice in which last seen]; then events, oldest first: [u48 time, epoch ms] [u8 length]
--   [6 bytes of ARGV[2]] [ARGV[3]]. Others are the accounts of an address, or the addresses of a network or an account.
--   A time that a clock set back has left ahead of now is taken for now.
--
-- Reply: { 1 counted or 0 known already, now ms, record of the address, of the network, of the account, then the last
--          successes as written, '' where there is none }
-- Called by src/bans/offence-counters.ts.

local SLICE_MS, SLICES, MOST_EVENTS, MOST_OTHERS = 21600000, 28, 30, 32
local KEPT_SECONDS = 604800
local call, pack, unpack_bytes, sub, byte = redis.call, struct.pack, struct.unpack, string.sub, string.byte

local now
if ARGV[1] == '' then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
else
  now = tonumber(ARGV[1])
end
local current = math.floor(now / SLICE_MS)
local mark, tail = ARGV[2], ARGV[3]
local certain = byte(tail, 1) >= 128 and 1 or 0

local function parse(text)
  local slices, others, events = {}, {}, {}
  if not text then return slices, others, events end
  local at = 3
  for _ = 1, byte(text, 1) do
    local number, total, sure = unpack_bytes('<I3I2I2', sub(text, at, at + 6))
    if number > current then number = current end
    local last = slices[#slices]
    if last and last[1] == number then
      last[2], last[3] = last[2] + total, last[3] + sure
    elseif number > current - SLICES then
      slices[#slices + 1] = { number, total, sure }
    end
    at = at + 7
  end
  for _ = 1, byte(text, 2) do
    local number = unpack_bytes('<I3', sub(text, at + 4, at + 6))
    if number > current then number = current end
    if number > current - SLICES then others[#others + 1] = { sub(text, at, at + 3), number } end
    at = at + 7
  end
  while at < #text do
    local time, length = unpack_bytes('<I6B', sub(text, at, at + 6))
    if time > now then time = now end
    if now - time < SLICES * SLICE_MS then events[#events + 1] = { time, sub(text, at + 7, at + 6 + length) } end
    at = at + 7 + length
  end
  return slices, others, events
end

local function make_room(key, most)
  if call('HLEN', key) < most then return end
  local sample = call('HRANDFIELD', key, 16, 'WITHVALUES')
  local worst, fewest, oldest
  for n = 1, #sample, 2 do
    local text = sample[n + 1]
    local total, began = 0, 0
    for at = 3, 7 * byte(text, 1), 7 do
      local number, events = unpack_bytes('<I3I2', sub(text, at, at + 4))
      if number > current - SLICES then
        if total == 0 then began = number * SLICE_MS end
        total = total + events
      end
    end
    local event = 3 + 7 * (byte(text, 1) + byte(text, 2))
    if event < #text then began = unpack_bytes('<I6', sub(text, event, event + 5)) end
    if not worst or total < fewest or (total == fewest and began < oldest) then
      worst, fewest, oldest = sample[n], total, began
    end
  end
  call('HDEL', key, worst)
end

local function count(key, field, most, text, slices, others, events, other, keeps_events)
  local last = slices[#slices]
  if not last or last[1] ~= current then
    last = { current, 0, 0 }
    slices[#slices + 1] = last
  end
  -- A full slice stays full.
  last[2] = math.min(last[2] + 1, 65535)
  last[3] = math.min(last[3] + certain, 65535)
  if other ~= '' then
    for n = 1, #others do
      if others[n][1] == other then
        table.remove(others, n)
        break
      end
    end
    others[#others + 1] = { other, current }
    if #others > MOST_OTHERS then table.remove(others, 1) end
  end
  if keeps_events then
    events[#events + 1] = { now, mark .. tail }
    if #events > MOST_EVENTS then table.remove(events, 1) end
  end
  local parts = { pack('BB', #slices, #others) }
  for n = 1, #slices do parts[#parts + 1] = pack('<I3I2I2', slices[n][1], slices[n][2], slices[n][3]) end
  for n = 1, #others do parts[#parts + 1] = others[n][1] .. pack('<I3', others[n][2]) end
  for n = 1, #events do parts[#parts + 1] = pack('<I6B', events[n][1], #events[n][2]) .. events[n][2] end
  local record = table.concat(parts)
  if not text then make_room(key, most) end
  call('HSET', key, field, record)
  call('EXPIRE', key, KEPT_SECONDS)
  return record
end

local function success(field)
  return field ~= '' and call('HGET', KEYS[4], field) or ''
end
local successes = { success(ARGV[13]), success(ARGV[14]), success(ARGV[15]) }

local address = call('HGET', KEYS[1], ARGV[4])
local network = ARGV[5] ~= '' and call('HGET', KEYS[2], ARGV[5])
local account = ARGV[6] ~= '' and call('HGET', KEYS[3], ARGV[6])
local slices, others, events = parse(address)
for n = 1, #events do
  if sub(events[n][2], 1, 6) == mark then
    return { 0, now, address, network or '', account or '', successes[1], successes[2], successes[3] }
  end
end

address = count(KEYS[1], ARGV[4], tonumber(ARGV[10]), address, slices, others, events, ARGV[8], true)
if ARGV[5] ~= '' then
  slices, others, events = parse(network)
  network = count(KEYS[2], ARGV[5], tonumber(ARGV[11]), network, slices, others, events, ARGV[7], ARGV[9] == '1')
end
if ARGV[6] ~= '' then
  slices, others, events = parse(account)
  account = count(KEYS[3], ARGV[6], tonumber(ARGV[12]), account, slices, others, events, ARGV[7], false)
end
return { 1, now, address, network or '', account or '', successes[1], successes[2], successes[3] }
