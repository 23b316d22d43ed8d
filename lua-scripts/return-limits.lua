-- return-limits: gives back what a call took that did not go out after all (its caller hung up first, or its answer came
-- after the daemon had already refused it).
--
-- Guarantees: only what stands in the record of the call is given back, and only once; no debt goes below zero; a bucket
-- whose periods were changed meanwhile is left alone, and so is a ring in which a clock set back has moved the call. It
-- needs no time: what is subtracted from a debt as it was written is subtracted from it now, and a call that is taken out
-- of a ring was never there. What a full ring let go for the call does not come back; only a lenient charge can have made
-- it let go of a call that still counted.
--
-- KEYS[1]      record of the call
-- KEYS[1 + i]  bucket or ring of charge i
-- ARGV[2i - 1] charge i, as for take-limits, where the layouts are explained as well
-- ARGV[2i]     bucket: which of its limits had given a token: a bit for each, the first limit is 1
--              rolling: the time that was written, epoch ms; 0 for none
--
-- Reply: number of charges given back.
-- Called by src/redis/limit-scripts.ts.

local CHARGE_HEAD, TIME_SIZE, DEBT_SIZE = 7, 6, 7
local call, unpack_bytes, pack_bytes, sub = redis.call, struct.unpack, struct.pack, string.sub

-- A ring without one call of that time.
local function without(ring, time)
  local low, high = 0, #ring / TIME_SIZE
  while low < high do
    local middle = math.floor((low + high) / 2)
    if unpack_bytes('<I6', ring, middle * TIME_SIZE + 1) < time then low = middle + 1 else high = middle end
  end
  local from = low * TIME_SIZE
  if sub(ring, from + 1, from + TIME_SIZE) ~= pack_bytes('<I6', time) then return ring end
  return sub(ring, 1, from) .. sub(ring, from + TIME_SIZE + 1)
end

local record = call('GET', KEYS[1]) or ''
local returned = 0
for i = 1, #KEYS - 1 do
  local charge, taken = ARGV[2 * i - 1], tonumber(ARGV[2 * i])
  local at = string.find(record, sub(charge, 2, CHARGE_HEAD), 1, true)
  if at then
    record = sub(record, 1, at - 1) .. sub(record, at + CHARGE_HEAD - 1)
    returned = returned + 1
    local value = call('GET', KEYS[1 + i])
    if #charge % 2 == 0 then
      local rest = value and #value % TIME_SIZE == 0 and without(value, taken) or value
      if rest == '' then
        call('DEL', KEYS[1 + i])
      elseif rest and rest ~= value then
        call('SET', KEYS[1 + i], rest, 'KEEPTTL')
      end
    else
      local width = (#charge - CHARGE_HEAD) / 12
      local tail = TIME_SIZE + DEBT_SIZE * width + 1
      if value and sub(value, tail) == sub(charge, CHARGE_HEAD + 8 * width + 1) then
        local debts = ''
        for j = 1, width do
          local debt = unpack_bytes('<I7', value, TIME_SIZE + DEBT_SIZE * (j - 1) + 1)
          local seconds = unpack_bytes('<I4', charge, CHARGE_HEAD + 8 * j - 3)
          if bit.band(taken, bit.lshift(1, j - 1)) ~= 0 then debt = math.max(0, debt - seconds * 1000) end
          debts = debts .. pack_bytes('<I7', debt)
        end
        call('SETRANGE', KEYS[1 + i], TIME_SIZE, debts)
      end
    end
  end
end
if returned > 0 then
  if record == '' then call('DEL', KEYS[1]) else call('SET', KEYS[1], record, 'KEEPTTL') end
end
return returned
