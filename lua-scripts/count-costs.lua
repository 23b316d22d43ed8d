-- count-costs: adds what calls that are over cost to the sums of their day, once.
--
-- Guarantees: a batch that is sent again because its answer was lost adds nothing again; a hash of sums takes no more than
-- so many names, and what is beyond goes to the name '*'.
--
-- KEYS[1]      mark of this batch
-- KEYS[1 + i]  hash of sums: fields 'name|n' calls, 'name|s' seconds of talk, 'name|USD' millionths of a currency
-- ARGV[1]      seconds a hash is kept
-- ARGV[2]      most names of one hash
-- ARGV[3..]    for each sum six: number i of its hash, name, calls, seconds, currency or '', millionths
--
-- Reply: 1 added, 0 it had been added before.
-- Called by src/live-calls/cost-history.ts. Numeric rules: lua-scripts/README.md

local call = redis.call
local kept_seconds, most = ARGV[1], tonumber(ARGV[2])
if not call('SET', KEYS[1], '', 'NX', 'EX', 600) then return 0 end
for at = 3, #ARGV, 6 do
  local key, name = KEYS[1 + tonumber(ARGV[at])], ARGV[at + 1]
  -- Three fields a name: calls, seconds, money.
  if call('HLEN', key) >= 3 * most and call('HEXISTS', key, name .. '|n') == 0 then name = '*' end
  call('HINCRBY', key, name .. '|n', ARGV[at + 2])
  call('HINCRBY', key, name .. '|s', ARGV[at + 3])
  if ARGV[at + 4] ~= '' then call('HINCRBY', key, name .. '|' .. ARGV[at + 4], ARGV[at + 5]) end
end
for at = 2, #KEYS do call('EXPIRE', KEYS[at], kept_seconds) end
return 1
