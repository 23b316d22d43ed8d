-- count-spend: what calls under way, or just over, have cost so far, in all windows that count them, in one step.
--
-- Guarantees
--   * Said twice, counted once: a call says its whole cost so far, and what it has been charged before stands in a record
--     of its own. A call that was said to be over stays so.
--   * While it is under way a call is never charged less than before; what it reserved stays reserved. Over, it is charged
--     exactly what it says, and the rest is given back where it was taken.
--   * A record or a window that was lost is begun anew with all that the call says.
--
-- KEYS[2i - 1]  record of call i's charges: a hash by tag of [u56 charged] [u48 slot in which it began], empty once over
-- KEYS[2i]      window of charge i; see spend-window
-- ARGV[1]       now, epoch ms; '' for the time of this server (always '' in production)
-- ARGV[1 + i]   charge i, little-endian: what (1 byte: u under way, o over, v never went out), tag (6 bytes), [u56 cost so
--               far] [u56 limit; 0 none] [u32 period, s]
--
-- Reply: for each charge what its window holds now, and when the window was last seen over its limit, epoch ms.
-- Called by src/redis/spend-script.ts, which puts spend-window in front. At most some hundred charges at a time.

local UNDER_WAY, OVER, VOID = 117, 111, 118
-- No call lasts as long. Once over, for as long as a lost answer may make a daemon say so again.
local RECORD_SECONDS, OVER_SECONDS = 7 * 86400, 6 * 3600
local CHARGED_SIZE = 13
local call = redis.call

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local spend = spend_window()

local reply = {}
for i = 1, #ARGV - 1 do
  local record, key, charge = KEYS[2 * i - 1], KEYS[2 * i], ARGV[1 + i]
  local what, tag = string.byte(charge), string.sub(charge, 2, 7)
  local cost, limit, seconds = struct.unpack('<I7I7I4', charge, 8)
  local field = call('HGET', record, tag)
  local value = call('GET', key)
  -- Another period is the business of the calls that go out by it.
  if value and #value >= 4 then seconds = struct.unpack('<I4', value) end
  local window = spend.open(value, seconds, now)
  local charged, begin_slot = 0, window.newest
  if field and #field == CHARGED_SIZE then charged, begin_slot = struct.unpack('<I7I6', field) end

  local is_known = field and field ~= ''
  if what == VOID then
    if is_known then
      spend.refund(window, charged, begin_slot)
      call('HDEL', record, tag)
      spend.save(key, window)
    end
  elseif field ~= '' then
    if what == UNDER_WAY and cost < charged then cost = charged end
    if cost > charged then
      spend.add(window, cost - charged)
    elseif cost < charged then
      spend.refund(window, charged - cost, begin_slot)
    end
    if what == UNDER_WAY then
      local is_over = limit > 0 and window.used > limit
      if is_over then window.over_at = now end
      if cost ~= charged or not is_known then
        call('HSET', record, tag, struct.pack('<I7I6', cost, begin_slot))
        call('EXPIRE', record, RECORD_SECONDS)
      end
      if cost ~= charged or is_over or window.set_back then spend.save(key, window) end
    else
      call('HSET', record, tag, '')
      local ttl = OVER_SECONDS
      for _, other in ipairs(call('HVALS', record)) do
        if other ~= '' then ttl = RECORD_SECONDS end
      end
      call('EXPIRE', record, ttl)
      if cost ~= charged or window.set_back then spend.save(key, window) end
    end
  end
  reply[2 * i - 1], reply[2 * i] = window.used, window.over_at
end
return reply
