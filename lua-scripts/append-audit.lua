-- append-audit: adds entries to the audit log if nobody else has added one in between, and tells where the log stands.
--
-- Guarantees: all entries of one call are added, one behind the other, or none is; two daemons that follow the same entry
-- cannot both succeed. Old entries are removed only in the step that adds the entry which says so.
--
-- KEYS[1]  stream of entries; the id of each is MS-NUMBER, when it was written and its number; fields e (text) and h (hash)
-- ARGV[1]  id of the entry that the new ones follow, 0-0 where there is none; empty: add nothing
-- ARGV[2]  its hash; empty where there is none
-- ARGV[3]  id of an entry that the caller wants the hash of; empty: none
-- ARGV[4]  remove what has a smaller id; empty: nothing
-- ARGV[5..] triples: id, text, hash
--
-- Reply: { 1 added or 0 not, last id, its hash, first id, hash of ARGV[3], now in ms, number of entries }, all as they were
-- before; an id or hash that there is not is empty.
-- Called by src/people/audit-chain.ts. The log is kept as long as it says itself, so the stream has no time to live.

local call = redis.call
local time = call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))

local function hashOf(entry)
  local fields = entry and entry[2] or {}
  for n = 1, #fields, 2 do
    if fields[n] == 'h' then return fields[n + 1] end
  end
  return ''
end

local last = call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local first = call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local wanted = ARGV[3] ~= '' and call('XRANGE', KEYS[1], ARGV[3], ARGV[3])[1]
local count = call('XLEN', KEYS[1])
local lastId = last and last[1] or ''
local added = 0
if ARGV[1] ~= '' and ARGV[1] == (last and lastId or '0-0') and ARGV[2] == hashOf(last) then
  for n = 5, #ARGV, 3 do call('XADD', KEYS[1], ARGV[n], 'e', ARGV[n + 1], 'h', ARGV[n + 2]) end
  if ARGV[4] ~= '' then call('XTRIM', KEYS[1], 'MINID', '=', ARGV[4]) end
  added = 1
end
return { added, lastId, hashOf(last), first and first[1] or '', hashOf(wanted), now, count }
