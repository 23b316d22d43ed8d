-- return-limits: gives back what a call took that did not go out after all (its caller hung up first, or its answer came
-- after the daemon had already refused it).
--
-- Guarantees: only what stands in the record of the call is given back, and only once; no debt goes below zero; a bucket
-- whose periods were changed meanwhile is left alone. It needs no time: what is subtracted from a debt as it was written
-- is subtracted from it now.
--
-- KEYS[1]      record of the call
-- KEYS[1 + i]  bucket of charge i
-- ARGV[2i - 1] charge i, as for take-limits, where the layout of a bucket is explained as well
-- ARGV[2i]     which of its limits had given a token: a bit for each, the first limit is 1
--
-- Reply: number of charges given back.
-- Called by src/redis/limit-scripts.ts.

local CHARGE_HEAD, TIME_SIZE, DEBT_SIZE = 7, 6, 7
local call, unpack_bytes, pack_bytes, sub = redis.call, struct.unpack, struct.pack, string.sub

local record = call('GET', KEYS[1]) or ''
local returned = 0
for i = 1, #KEYS - 1 do
  local charge, taken = ARGV[2 * i - 1], tonumber(ARGV[2 * i])
  local at = string.find(record, sub(charge, 2, CHARGE_HEAD), 1, true)
  if at then
    record = sub(record, 1, at - 1) .. sub(record, at + CHARGE_HEAD - 1)
    returned = returned + 1
    local value = call('GET', KEYS[1 + i])
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
if returned > 0 then
  if record == '' then call('DEL', KEYS[1]) else call('SET', KEYS[1], record, 'KEEPTTL') end
end
return returned
