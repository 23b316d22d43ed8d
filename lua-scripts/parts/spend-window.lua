-- spend-window: the rolling window of a budget. Not a script of its own: it stands in front of take-limits and count-spend,
-- which both spend in such windows. Its twin in TypeScript, with what a window promises, is src/policy/spend-window.ts.
--
-- A window, little-endian: [u32 period, s] [u48 number of the last slot] [u48 when it was last seen over its limit, epoch
-- ms; 0 never] [u56 sum of each slot, at most 61, the last one last]. A slot is a sixtieth of the period; its number is how
-- many have passed since 1970.
--
-- One function, so that a call that spends nothing pays for one closure and not for all of these.
local function spend_window()
  local SLOTS, FULLEST, HEAD, SUM = 60, 2 ^ 47, 16, 7
  local spend = {}

  -- The window as it stands now. Where the period was changed, all that counts by the old one counts for one new period.
  function spend.open(value, seconds, now)
    local slot = math.floor(now * SLOTS / (seconds * 1000))
    local window = { seconds = seconds, newest = slot, over_at = 0, used = 0, sums = {} }
    if not value or #value < HEAD or (#value - HEAD) % SUM ~= 0 then return window end
    local stored_seconds, newest, over_at = struct.unpack('<I4I6I6', value)
    window.over_at = over_at
    local stored_slot = math.floor(now * SLOTS / (stored_seconds * 1000))
    window.set_back = newest > stored_slot
    local passed = math.max(0, stored_slot - newest)
    local sums, count = window.sums, (#value - HEAD) / SUM
    for at = math.max(0, count + passed - SLOTS - 1), count - 1 do
      local sum = struct.unpack('<I7', value, HEAD + at * SUM + 1)
      sums[#sums + 1] = sum
      window.used = window.used + sum
    end
    if stored_seconds ~= seconds then
      window.sums = { math.min(FULLEST, window.used) }
    elseif count > 0 then
      for _ = 1, math.min(passed, SLOTS + 1) do sums[#sums + 1] = 0 end
      while #sums > SLOTS + 1 do table.remove(sums, 1) end
    end
    return window
  end

  function spend.add(window, amount)
    local sums = window.sums
    local last = math.max(1, #sums)
    local before = sums[last] or 0
    sums[last] = math.min(FULLEST, before + amount)
    window.used = window.used + sums[last] - before
  end

  -- From the slot on in which the amount began. What has left the window stays as it is; slots that a clock set back has
  -- moved do not say where they were.
  function spend.refund(window, amount, begin_slot)
    local sums = window.sums
    local first = window.newest - #sums + 1
    local from = begin_slot > window.newest and 0 or begin_slot - first
    if from < 0 then return end
    for at = from + 1, #sums do
      local taken = math.min(sums[at], amount)
      sums[at], amount, window.used = sums[at] - taken, amount - taken, window.used - taken
      if amount == 0 then return end
    end
  end

  -- When so much more has room if nothing else is spent, epoch ms; 0 where it never has.
  function spend.room_at(window, limit, amount)
    local used, first = window.used, window.newest - #window.sums + 1
    for at, sum in ipairs(window.sums) do
      used = used - sum
      if used + amount <= limit then return math.ceil((first + at + SLOTS) * window.seconds * 1000 / SLOTS) end
    end
    return 0
  end

  function spend.save(key, window)
    local parts = { struct.pack('<I4I6I6', window.seconds, window.newest, window.over_at) }
    for _, sum in ipairs(window.sums) do parts[#parts + 1] = struct.pack('<I7', sum) end
    redis.call('SET', key, table.concat(parts), 'EX', window.seconds + math.ceil(window.seconds / SLOTS) + 1)
  end

  return spend
end
