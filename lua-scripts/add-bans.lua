-- add-bans: bans addresses, prolongs bans that are in force, and notes each change for those who follow the list.
--
-- Guarantees: all of the bans or, where there is no room, none; two daemons that ban one address at the same time make one
-- ban, which counts as one. An automatic ban never shortens or replaces one that is in force: the later end holds. One by
-- hand takes its place and ends as it says. An address that was banned more often than allowed is banned for ever.
--
-- A record is one line of numbers, `since until offences times`, and one of JSON. Times are ms since 1970 of this server;
-- until is 0 for ever; times says how often the address was banned, this ban included.
--
-- KEYS[1]  state of the list: epoch, seq, stamp, alone
-- KEYS[2]  records by address
-- KEYS[3]  addresses by the time at which their bans end
-- KEYS[4]  evidence by address, one JSON a line
-- KEYS[5]  log of changes; the id of an entry is its seq
-- KEYS[6..] for each ban: how often its address was banned
-- ARGV[1]  epoch to give to a list that has none
-- ARGV[2]  most bans that are kept
-- ARGV[3]  most changes that are kept (approximate)
-- ARGV[4]  most lines of evidence of one ban
-- ARGV[5]  seconds for which it is kept how often an address was banned
-- ARGV[6]  the number of the list of addresses that are left alone, as the bans were judged by it; empty: by hand, no matter
-- ARGV[7..] for each ban: address; manual or automatic; ms that it lasts, 0 for ever; offences; number of bans above
--          which it is for ever, 0 never; JSON of the record; lines of evidence, may be empty; who bans
--
-- Reply: empty if there is no room; `stale` if other addresses are left alone by now; else for each ban added, changed (its end, its words or its offences) or unchanged, and its record.
-- Called by src/bans/ban-scripts.ts.

local call = redis.call
local FIELDS = 8
local bans = (#ARGV - 6) / FIELDS
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local stamp = time[1] .. '.' .. time[2]
local whole = function(number) return string.format('%.0f', number) end

if ARGV[6] ~= '' and ARGV[6] ~= (call('HGET', KEYS[1], 'alone') or '0') then return { 'stale' } end

local room = tonumber(ARGV[2]) - call('HLEN', KEYS[2])
if room < bans then
  for n = 1, bans do
    if call('HEXISTS', KEYS[2], ARGV[7 + (n - 1) * FIELDS]) == 1 then room = room + 1 end
  end
  if room < bans then return {} end
end

if not call('HGET', KEYS[1], 'epoch') then
  call('DEL', KEYS[5])
  call('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', 0)
end

local function note(what, address, record, by)
  local seq = call('HINCRBY', KEYS[1], 'seq', 1)
  call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[3], whole(seq) .. '-0', 'stamp', stamp, 'what', what, 'address', address,
    'at', whole(now), 'by', by, 'record', record)
  call('HSET', KEYS[1], 'stamp', stamp)
end

local function keep_evidence(address, lines)
  if lines == '' then return end
  local old = call('HGET', KEYS[4], address)
  local kept = old and old .. '\n' .. lines or lines
  local _, breaks = string.gsub(kept, '\n', '\n')
  for _ = 1, breaks + 1 - tonumber(ARGV[4]) do kept = string.gsub(kept, '^[^\n]*\n', '', 1) end
  call('HSET', KEYS[4], address, kept)
end

local reply = {}
for n = 1, bans do
  local at = 7 + (n - 1) * FIELDS
  local address, manual, lasts = ARGV[at], ARGV[at + 1] == 'manual', tonumber(ARGV[at + 2])
  local offences, most, json = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), ARGV[at + 5]
  local by = ARGV[at + 7]
  local since, till, times = now, lasts == 0 and 0 or now + lasts, 0

  local old = call('HGET', KEYS[2], address)
  local old_since, old_till, old_offences, old_times, old_json
  if old then
    old_since, old_till, old_offences, old_times, old_json = string.match(old, '^(%d+) (%d+) (%d+) (%d+)\n(.*)$')
    old_since, old_till, old_times = tonumber(old_since), tonumber(old_till), tonumber(old_times)
    if old_till ~= 0 and old_till <= now then
      call('HDEL', KEYS[4], address)
      note('expire', address, old, '')
      old = false
    end
  end

  local outcome = 'added'
  if old then
    since, times, offences = old_since, old_times, offences + tonumber(old_offences)
    if not manual then
      json = old_json
      if old_till == 0 or (till ~= 0 and till < old_till) then till = old_till end
    end
    outcome = 'changed'
  else
    times = call('INCR', KEYS[5 + n])
    call('EXPIRE', KEYS[5 + n], ARGV[5])
    if most > 0 and times > most then till = 0 end
  end

  local record = whole(since) .. ' ' .. whole(till) .. ' ' .. whole(offences) .. ' ' .. whole(times) .. '\n' .. json
  keep_evidence(address, ARGV[at + 6])
  if record == old then
    outcome = 'unchanged'
  else
    call('HSET', KEYS[2], address, record)
    if till == 0 then call('ZREM', KEYS[3], address) else call('ZADD', KEYS[3], till, address) end
    note(outcome == 'added' and 'add' or 'change', address, record, by)
  end
  reply[#reply + 1] = outcome
  reply[#reply + 1] = record
end
return reply
