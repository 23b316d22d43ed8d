-- swap-stream: puts a stream that was prepared beside another one into its place.
--
-- Guarantees: readers see all of the old one or all of the new one; nothing that was added to the old one while the new one
-- was prepared is lost: it comes along, or the old one stays.
--
-- KEYS[1]  stream in use
-- KEYS[2]  stream that was prepared: what KEYS[1] held at that time, and more
-- ARGV[1]  id of the last entry of KEYS[1] at that time; empty where there was none
-- ARGV[2]  most entries that may come along; 0: none, the old one stays if anything was added
--
-- Reply: 1 swapped; 0 the old one stays, because more was added, or something with an id that is not after all others.
-- Called by src/store/stream-merge.ts. The new one gets the time to live of the old one.

local call = redis.call
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local most = tonumber(ARGV[2])
local added = call('XRANGE', KEYS[1], from, '+', 'COUNT', most + 1)
if #added > most then return 0 end
local last = call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if #added == 0 and (last and last[1] or '') ~= ARGV[1] then return 0 end
for _, entry in ipairs(added) do
  local done = redis.pcall('XADD', KEYS[2], entry[1], unpack(entry[2]))
  if type(done) == 'table' and done.err then return 0 end
end
local ttl = call('PTTL', KEYS[1])
call('RENAME', KEYS[2], KEYS[1])
if ttl > 0 then call('PEXPIRE', KEYS[1], ttl) else call('PERSIST', KEYS[1]) end
return 1
