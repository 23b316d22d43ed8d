-- note-reached: subjects had an answered call to a place.
--
-- Guarantees: a place is known for as long as any rule may ask about it, from its latest answered call. A time that is told
-- late, as from a file of old calls, does not set back what is known already; one that lies ahead counts as now.
--
-- KEYS[i]      when a subject last reached a place
-- ARGV[1]      for how long that is kept, seconds
-- ARGV[2]      1 to write nothing: only the reply is wanted
-- ARGV[2 + i]  when it did, epoch ms; '' for the time of this server
--
-- A value: u48 little-endian, epoch ms; as take-limits reads it.
-- Reply: how many subjects had not reached their place within that time.
-- Called by src/redis/note-reached.ts. Numeric rules: lua-scripts/README.md

local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept_seconds = tonumber(ARGV[1])
local fresh = 0
for i, key in ipairs(KEYS) do
  local at = ARGV[2 + i] == '' and now or math.min(tonumber(ARGV[2 + i]), now)
  local left = kept_seconds - math.floor((now - at) / 1000)
  if left > 0 then
    local value = call('GET', key)
    local known = value and #value == 6 and struct.unpack('<I6', value) or 0
    if known == 0 then fresh = fresh + 1 end
    if at > known and ARGV[2] ~= '1' then call('SET', key, struct.pack('<I6', at), 'EX', left + 1) end
  end
end
return fresh
