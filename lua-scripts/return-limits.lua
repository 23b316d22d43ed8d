-- return-limits: gives back what a call took that did not go out after all (its caller hung up first, or its answer came
-- after the daemon had already refused it), or that is not to count after all (it went out and reached nobody).
--
-- Guarantees: nothing is given back twice, for either it must stand in the record of the call, or the caller of this script
-- sees to it, or it is a lease, which a call has once; no debt goes below zero; a bucket whose periods were changed meanwhile is left alone, and so is a ring in
-- which a clock set back has moved the call. It needs no time: what is subtracted from a debt as it was written is
-- subtracted from it now, and a call that is taken out of a ring was never there. What a full ring let go for the call does
-- not come back; only a lenient charge can have made it let go of a call that still counted.
--
-- In a paced bucket, while calls wait, a place is kept for whoever comes next, because those behind it have been told when
-- they leave; once its time is past it is lost. While none waits the debt shrinks, less what time may have paid of the call
-- by the last write: that much of the debt is of the calls that left since, and the next one would leave too soon after
-- them.
--
-- KEYS[1]      record of the call
-- KEYS[1 + i]  bucket, ring or leases of charge i, i = 1..n
-- KEYS[1 + n + j]  places given back of the j-th paced charge that counts in a bucket: times, epoch ms, u48, in order
-- ARGV[1]      1: only what stands in the record; 0: in any case
-- ARGV[2i]     charge i, as for take-limits, where the layouts are explained as well
-- ARGV[2i + 1] bucket: which of its limits had given a token: a bit for each, the first limit is 1
--              paced bucket: when the call was to leave, epoch ms; 0 where it got no place
--              rolling: the time that was written, epoch ms; 0 for none
--              leases: nothing
--
-- Reply: number of charges given back.
-- Called by src/redis/limit-scripts.ts.

local PACED, PACED_SHADOW, LEASES = 112, 113, 99
local CHARGE_HEAD, TIME_SIZE, DEBT_SIZE = 7, 6, 7
local ROLLING_HEAD, PACED_BUCKET_HEAD = 8, 19
local call, unpack_bytes, pack_bytes, sub, byte = redis.call, struct.unpack, struct.pack, string.sub, string.byte

-- How many times of a row in order are earlier than one.
local function earlier(times, time)
  local low, high = 0, #times / TIME_SIZE
  while low < high do
    local middle = math.floor((low + high) / 2)
    if unpack_bytes('<I6', times, middle * TIME_SIZE + 1) < time then low = middle + 1 else high = middle end
  end
  return low
end

-- A ring without one call of that time.
local function without(ring, time)
  local from = earlier(ring, time) * TIME_SIZE
  if sub(ring, from + 1, from + TIME_SIZE) ~= pack_bytes('<I6', time) then return ring end
  return sub(ring, 1, from) .. sub(ring, from + TIME_SIZE + 1)
end

local charges = (#ARGV - 1) / 2
local record = call('GET', KEYS[1]) or ''
local needs_record = ARGV[1] == '1'
local returned, freed_at, record_changed = 0, 1 + charges, false
for i = 1, charges do
  local charge, taken = ARGV[2 * i], tonumber(ARGV[2 * i + 1])
  local key, demand = KEYS[1 + i], byte(charge)
  local paced = demand == PACED or demand == PACED_SHADOW
  local even = #charge % 2 == 0
  if paced and not even then freed_at = freed_at + 1 end
  local at = string.find(record, sub(charge, 2, CHARGE_HEAD), 1, true)
  if at then
    record = sub(record, 1, at - 1) .. sub(record, at + CHARGE_HEAD - 1)
    record_changed = true
  end
  if even and byte(charge, ROLLING_HEAD) == LEASES then
    returned = returned + call('ZREM', key, sub(redis.sha1hex(KEYS[1]), 1, 16))
  elseif at or not needs_record then
    returned = returned + 1
    if even then
      local value = call('GET', key)
      local rest = value and #value % TIME_SIZE == 0 and without(value, taken) or value
      if rest == '' then
        call('DEL', key)
      elseif rest and rest ~= value then
        call('SET', key, rest, 'KEEPTTL')
      end
    elseif taken > 0 then
      local head = paced and PACED_BUCKET_HEAD or CHARGE_HEAD
      local value = call('GET', key)
      local width = (#charge - head) / 12
      local tail = TIME_SIZE + DEBT_SIZE * width + 1
      if value and sub(value, tail) == sub(charge, head + 8 * width + 1) then
        local longest_wait, _, burst = unpack_bytes('<I4I4I4', charge, CHARGE_HEAD + 1)
        local since = math.max(0, unpack_bytes('<I6', value) - taken)
        local debts, calls_wait = '', false
        for j = 1, width do
          local debt = unpack_bytes('<I7', value, TIME_SIZE + DEBT_SIZE * (j - 1) + 1)
          local count, seconds = unpack_bytes('<I4I4', charge, head + 8 * j - 7)
          local cost = seconds * 1000
          if paced then
            local most = j == 1 and burst > 0 and math.min(burst, count) or count
            if debt > most * cost then calls_wait = true end
            debt = debt - math.max(0, cost - since * count)
          elseif bit.band(taken, bit.lshift(1, j - 1)) ~= 0 then
            debt = debt - cost
          end
          debts = debts .. pack_bytes('<I7', math.max(0, debt))
        end
        if not calls_wait then
          call('SETRANGE', key, TIME_SIZE, debts)
        else
          local places = call('GET', KEYS[freed_at]) or ''
          local from = earlier(places, taken) * TIME_SIZE
          places = sub(places, 1, from) .. pack_bytes('<I6', taken) .. sub(places, from + 1)
          call('SET', KEYS[freed_at], sub(places, -1000 * TIME_SIZE), 'EX', math.ceil(longest_wait / 1000) + 1)
        end
      end
    end
  end
end
if record_changed then
  if record == '' then call('DEL', KEYS[1]) else call('SET', KEYS[1], record, 'KEEPTTL') end
end
return returned
