-- settle-approval: takes one word on an approval: the first that settles it is the only one.
--
-- Guarantees: an approval is settled once, however many people, clocks and callers try at the same time. Where two people
-- have to approve, the same person counts once. What is granted beside an approval is there if and only if it was settled
-- by that word. All of it or nothing is written, and those who follow are told in the order in which it happened.
--
-- KEYS[1]  hash of the approval: approval, settlement, voices (one JSON a line), people (names between newlines)
-- KEYS[2]  approvals that are open, by when they expire
-- KEYS[3]  hash of grants, by id
-- KEYS[4]  stream that followers read
-- ARGV[1]  id of the approval
-- ARGV[2]  settlement, JSON
-- ARGV[3]  person who approves, as people are told apart; empty where it is no approval
-- ARGV[4]  that person's word, one line of JSON
-- ARGV[5]  how many different people have to approve
-- ARGV[6]  id of what is granted beside it; empty for nothing
-- ARGV[7]  the grant, JSON
-- ARGV[8]  most entries of the stream (approximate)
--
-- Reply: { first, settlement or '', voices or '' }; first is 1 where this word settled it, 2 where it was noted and others
-- are needed, 3 where this person had approved before and others are needed, 0 where somebody else was first, -1 where
-- there is no such approval.
-- Called by src/approvals/approval-scripts.ts.

local call = redis.call

if call('HEXISTS', KEYS[1], 'approval') == 0 then return { -1, '', '' } end
local settled = call('HGET', KEYS[1], 'settlement')
local voices = call('HGET', KEYS[1], 'voices') or ''
if settled then return { 0, settled, voices } end

local function tell(what, id)
  call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[8], '*', 'what', what, 'id', id)
end

if ARGV[3] ~= '' then
  local people = call('HGET', KEYS[1], 'people') or '\n'
  local isNew = not string.find(people, '\n' .. ARGV[3] .. '\n', 1, true)
  if isNew then
    people = people .. ARGV[3] .. '\n'
    voices = voices .. ARGV[4] .. '\n'
    call('HSET', KEYS[1], 'people', people, 'voices', voices)
  end
  local _, count = string.gsub(voices, '\n', '')
  if count < tonumber(ARGV[5]) then
    if isNew then tell('seconded', ARGV[1]) end
    return { isNew and 2 or 3, '', voices }
  end
end

call('HSET', KEYS[1], 'settlement', ARGV[2])
call('ZREM', KEYS[2], ARGV[1])
if ARGV[6] ~= '' then call('HSET', KEYS[3], ARGV[6], ARGV[7]) end
tell('settled', ARGV[1])
if ARGV[6] ~= '' then tell('granted', ARGV[6]) end
return { 1, ARGV[2], voices }
