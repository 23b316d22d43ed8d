-- take-limits: one call takes from every limit that applies to it, or from none.
--
-- Guarantees
--   * All or nothing: if one required charge lacks a token, no level changes anywhere.
--   * Exact: every value is an integer below 2^53; nothing is rounded.
--   * Once per call: a charge that this call has paid before (its tag stands in the call's record) is not paid again. A
--     lease stands in no record: the call has it, or, where it was ended or has lapsed, asks for it anew.
--   * Late is harmless: after the deadline nothing is read and nothing is written.
--   * A paced charge takes its place in advance, behind all that were given before it, and says when it is; places that
--     were given back are taken first. What was promised to a waiting call never changes.
--   * Money and talk are reserved as they would be owed in the moment of the answer; a call that costs nothing asks for none.
--   * A locked subject is refused, and nothing is written for it. A first call: what hangs on it is asked of a subject
--     that has not reached the place, and of no other.
--   * Every key it writes has a time to live, and a missing key means that nothing is used.
--   * A refused call writes nothing, with one exception: where the clock stepped back, a bucket whose time lies ahead, the
--     calls of a ring and the leases that lie further ahead than any can are set to the new time. Otherwise they would
--     hold calls up until the clock has caught up.
--
-- KEYS[1]      record of the call: the 6-byte tags of the charges it has paid
-- KEYS[1 + i]  bucket, ring, leases or window of charge i, i = 1..n
-- KEYS[1 + n + j]  places given back of the j-th paced charge that counts in a bucket
-- The last KEY, where any charge spends: what the call has been charged; see count-spend
-- ARGV[1]      now, epoch ms; '' for the time of this server (always '' in production)
-- ARGV[2]      deadline, epoch ms of this server; 0 for none
-- ARGV[3]      seconds that the record of the call is kept; 0 to peek: say what would happen, write nothing
-- ARGV[3 + i]  charge i: demand (1 byte: r required, l lenient, s shadow, p paced, q paced in shadow), tag (6 bytes), and
--              then by its kind, in unsigned 32-bit little-endian integers
--                bucket   for each limit, shortest period first, count and period in seconds, and after them all periods
--                         once more, as a bucket has them
--                rolling  the letter w, and for each limit, shortest period first, count (at most 1000) and period
--                hold     the letter v, and the same: a ring that is only looked at
--                leases   the letter c, the largest number at once, and how long a lease lasts in seconds
--                lock     the letter k, and as text the field of the hash of locks, of an even length
--                first    the letter f, within how many seconds the place must have been reached, how many of the charges
--                         that follow hang on it, and 1 where it lacks by itself
--                spend    the letter m, and the limit and what is reserved, both unsigned 56-bit, and the period
--              A paced bucket has in front of its limits: longest wait in ms, most calls that wait, and how many calls of
--              the shortest period may leave at once, 0 for its count. A paced ring has the first two, behind the letter.
--              Holds, leases and spending are never paced.
--              So a charge of an odd number of bytes counts in a bucket: nothing tells them apart at less cost.
--
-- A bucket, little-endian: [u48 time of the levels, epoch ms] [u56 debt of each limit] [u32 period of each limit, s]
--   A debt is counted in 1/period-ms of a call: a call costs period-ms, each ms pays `count` back, a full debt is
--   count x period-ms.
--
-- A ring, little-endian: [u48 time, epoch ms] of the last calls, oldest first, as many as the largest count of its limits;
--   of a paced ring, as many more as may wait, so that one of them can be given back and what it stood behind is known.
--   A call is in the window of a limit while it is younger than the period. There is room while fewer than `count` are.
--   A call that a clock set back has left ahead of now is in every window, as if made now: it is remembered for one period
--   at most from when it is seen, and never for less time than passed. A lenient charge is a call that goes out, room or
--   not, and so it is always written. A ring knows nothing of limits: it serves other ones as far back as it reaches.
--   In a paced ring the last calls may lie ahead: they are waiting.
--
-- Leases: a sorted set of call marks (the first 16 digits of the SHA-1 of KEYS[1]) by when they lapse, epoch ms.
--
-- Spending: see spend-window, which the caller of this script puts in front of it.
--
-- Reply: { status, now ms, then for each charge: state, if it is paced when the call leaves (epoch ms; 0 where it gets no
--          place), then for each limit, by the kind of its charge }
--   status   1 taken, 0 refused, 2 late (nothing follows now)
--   state    0 room, 1 lacking, 2 counted before, 3 room later
--   bucket   debt before, debt after; more than a full debt where calls wait
--   rolling  calls in the window before, after, and when the next one has room, epoch ms; 0 where it has
--   leases   calls at once before, after
--   lock     1 where it is locked, else 0; twice
--   first    when the place was last reached, epoch ms, 0 where it is not known; twice
--   spend    used before, after, and when this has room if nothing else is spent, epoch ms; 0 where it has, or never has
--
-- Called by src/redis/limit-scripts.ts. Numeric rules: lua-scripts/README.md

local TAKEN, REFUSED, LATE = 1, 0, 2
local ROOM, LACKING, COUNTED, LATER = 0, 1, 2, 3
local REQUIRED, LENIENT, PACED, PACED_SHADOW = 114, 108, 112, 113
local LOCK, FIRST = 107, 102
local HOLD, LEASES, SPEND = 118, 99, 109
local SPENT_SECONDS = 7 * 86400
local CHARGE_HEAD, TIME_SIZE, DEBT_SIZE = 7, 6, 7
local ROLLING_HEAD, PACED_BUCKET_HEAD, PACED_ROLLING_HEAD = 8, 19, 16
local KEYS, ARGV = KEYS, ARGV
local call, unpack_bytes, pack_bytes, sub, byte = redis.call, struct.unpack, struct.pack, string.sub, string.byte

local now
if ARGV[1] == '' then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
else
  now = tonumber(ARGV[1])
end
local deadline = tonumber(ARGV[2])
if deadline > 0 and now > deadline then return { LATE, now } end
local record_seconds = tonumber(ARGV[3])
local peeks = record_seconds == 0

-- The periods of a rule were changed while this bucket was in use: what was used is kept. A limit with the same period
-- keeps its level; the others are paired in the order of their periods and keep whole calls, rounded up. It counts as
-- done right after the last call, so that the outcome does not hang on when the next one comes. nil for a value that is
-- not ours.
local function adopt(value, charge, head, width, most_waiting)
  local old_width = (#value - TIME_SIZE) / (DEBT_SIZE + 4)
  if old_width % 1 ~= 0 then return nil end
  local tail = head + 8 * width
  local wanted, kept, used = {}, {}, {}
  for k = 1, width do wanted[sub(charge, tail + 4 * k - 3, tail + 4 * k)] = true end
  for j = 1, old_width do
    local debt = unpack_bytes('<I7', value, TIME_SIZE + DEBT_SIZE * (j - 1) + 1)
    local from = TIME_SIZE + DEBT_SIZE * old_width + 4 * (j - 1) + 1
    local period = sub(value, from, from + 3)
    if wanted[period] then
      kept[period] = debt
    else
      used[#used + 1] = math.ceil(debt / (unpack_bytes('<I4', period) * 1000))
    end
  end
  local debts = ''
  for k = 1, width do
    local count, seconds = unpack_bytes('<I4I4', charge, head + 8 * k - 7)
    local debt = kept[sub(charge, tail + 4 * k - 3, tail + 4 * k)]
    if not debt then debt = math.min(table.remove(used, 1) or 0, count + most_waiting) * seconds * 1000 end
    debts = debts .. pack_bytes('<I7', debt)
  end
  return sub(value, 1, TIME_SIZE) .. debts
end

-- How many calls of a ring are not later than a time; by halving, at most eleven times.
local function calls_until(ring, time)
  local low, high = 0, #ring / TIME_SIZE
  while low < high do
    local middle = math.floor((low + high) / 2)
    if unpack_bytes('<I6', ring, middle * TIME_SIZE + 1) > time then high = middle else low = middle + 1 end
  end
  return low
end

local stored = call('MGET', unpack(KEYS))
local record = stored[1] or ''
local charges = #ARGV - 3
-- Only paced buckets have such keys; where there are none the commonest charges need not be asked what they demand.
local has_places = #KEYS > 1 + charges
local mark, paces, spend, windows

-- Pass 1: read and decide. The reply is filled in as if nothing were taken.
local reply, size = { TAKEN, now }, 2
local renew, step_back = {}, {}
local refused, stepped_back, freed_at = false, false, 1 + charges
-- The last of the charges that hang on a first call which this is not.
local passed_by = 0
for i = 1, charges do
  local charge, value = ARGV[3 + i], stored[1 + i]
  local state, place, paced, leaves = ROOM, size + 1, false, now
  size = place
  if #charge % 2 == 0 then
    if byte(charge, ROLLING_HEAD) == LEASES then
      mark = mark or sub(redis.sha1hex(KEYS[1]), 1, 16)
      local most, seconds = unpack_bytes('<I4I4', charge, ROLLING_HEAD + 1)
      local key, latest = KEYS[1 + i], now + seconds * 1000
      if not peeks then
        -- What a clock set back has left further ahead than a lease can be counts as just renewed.
        local above = '(' .. string.format('%.0f', latest)
        for _, ahead in ipairs(call('ZRANGEBYSCORE', key, above, '+inf', 'LIMIT', 0, 100)) do
          call('ZADD', key, latest, ahead)
        end
      end
      local calls = call('ZCOUNT', key, '(' .. string.format('%.0f', now), '+inf')
      local mine = call('ZSCORE', key, mark)
      if mine and tonumber(mine) > now then
        state = COUNTED
      elseif calls >= most then
        state = LACKING
      end
      reply[size + 1], reply[size + 2] = calls, calls
      size = size + 2
    elseif byte(charge, ROLLING_HEAD) == LOCK then
      local locked = call('HEXISTS', KEYS[1 + i], sub(charge, ROLLING_HEAD + 1))
      if locked == 1 then state = LACKING end
      reply[size + 1], reply[size + 2] = locked, locked
      size = size + 2
    elseif byte(charge, ROLLING_HEAD) == FIRST then
      local seconds, hanging, alone = unpack_bytes('<I4I4I4', charge, ROLLING_HEAD + 1)
      local reached = value and #value == TIME_SIZE and unpack_bytes('<I6', value)
      if reached and reached > now - seconds * 1000 then
        state, passed_by = COUNTED, i + hanging
      elseif alone == 1 then
        state = LACKING
      end
      reply[size + 1], reply[size + 2] = reached or 0, reached or 0
      size = size + 2
    elseif byte(charge, ROLLING_HEAD) == SPEND then
      spend, windows = spend or spend_window(), windows or {}
      local limit, amount, seconds = unpack_bytes('<I7I7I4', charge, ROLLING_HEAD + 1)
      local window = spend.open(value, seconds, now)
      windows[i] = window
      if window.set_back then step_back[i], stepped_back = true, true end
      -- An empty charge is of a call of this id that is over.
      local charged = call('HGET', KEYS[#KEYS], sub(charge, 2, CHARGE_HEAD))
      local room_at = 0
      if charged and charged ~= '' then
        state = COUNTED
      elseif amount > 0 and window.used + amount > limit then
        state, room_at = LACKING, spend.room_at(window, limit, amount)
      end
      reply[size + 1], reply[size + 2], reply[size + 3] = window.used, window.used, room_at
      size = size + 3
    else
      local head, longest_wait, most_waiting = ROLLING_HEAD, 0, 0
      local demand = byte(charge)
      if demand == PACED or demand == PACED_SHADOW then
        paced = {}
        head, size = PACED_ROLLING_HEAD, place + 1
        longest_wait, most_waiting = unpack_bytes('<I4I4', charge, ROLLING_HEAD + 1)
      end
      local ring = value and #value % TIME_SIZE == 0 and value or ''
      local calls = #ring / TIME_SIZE
      local latest = now + longest_wait
      local ahead = calls - calls_until(ring, latest)
      if ahead > 0 then
        ring = sub(ring, 1, (calls - ahead) * TIME_SIZE) .. string.rep(pack_bytes('<I6', latest), ahead)
        step_back[i], stepped_back = true, true
      end
      stored[1 + i] = ring
      for charge_at = head + 1, #charge, 8 do
        local count, seconds = unpack_bytes('<I4I4', charge, charge_at)
        local used, room_at = calls - calls_until(ring, now - seconds * 1000), 0
        if calls >= count then
          local nth = unpack_bytes('<I6', ring, (calls - count) * TIME_SIZE + 1) + seconds * 1000
          if nth > leaves then leaves = nth end
          if used >= count then room_at = nth end
        end
        if used >= count then state = LACKING end
        reply[size + 1], reply[size + 2], reply[size + 3] = used, used, room_at
        size = size + 3
      end
      if paced then
        -- Behind the last one: who came first leaves first.
        if calls > 0 then leaves = math.max(leaves, (unpack_bytes('<I6', ring, #ring - TIME_SIZE + 1))) end
        local waiting = calls - calls_until(ring, now)
        if leaves > now then
          state = (leaves - now > longest_wait or waiting >= most_waiting) and LACKING or LATER
        end
      end
    end
  else
    local head, longest_wait, most_waiting, burst = CHARGE_HEAD, 0, 0, 0
    local demand = has_places and byte(charge)
    if demand == PACED or demand == PACED_SHADOW then
      paced = {}
      head, size = PACED_BUCKET_HEAD, place + 1
      longest_wait, most_waiting, burst = unpack_bytes('<I4I4I4', charge, CHARGE_HEAD + 1)
    end
    local width = (#charge - head) / 12
    local time, elapsed = nil, 0
    if value then
      local tail = TIME_SIZE + DEBT_SIZE * width + 1
      local in_place = sub(value, tail) == sub(charge, head + 8 * width + 1)
      if not in_place then value = adopt(value, charge, head, width, most_waiting) end
      if value then
        local level_time = unpack_bytes('<I6', value)
        elapsed = now - level_time
        if elapsed < 0 then elapsed, step_back[i], stepped_back = 0, true, true end
        if in_place then time = level_time end
      end
    end

    local count, seconds, debt, waits = 0, 0, 0, 0
    local charge_at, value_at, first_at = head + 1, TIME_SIZE + 1, size + 1
    size = size + 2 * width
    for at = first_at, size, 2 do
      count, seconds, charge_at = unpack_bytes('<I4I4', charge, charge_at)
      local cost = seconds * 1000
      local full = count * cost
      if paced then
        if burst > 0 and at == first_at then full = math.min(burst, count) * cost end
        waits = math.min(longest_wait * count, most_waiting * cost)
      end
      if value then
        debt, value_at = unpack_bytes('<I7', value, value_at)
        if debt > full + waits then debt = full + waits end
        debt = debt - elapsed * count
        if debt < 0 then debt = 0 end
      end
      local over = debt + cost - full
      if over > 0 then
        if over > waits then
          state = LACKING
        else
          if state == ROOM then state = LATER end
          leaves = math.max(leaves, now + math.ceil(over / count))
        end
      end
      reply[at], reply[at + 1] = debt, debt
    end
    if paced then
      freed_at = freed_at + 1
      local places = stored[freed_at] or ''
      local gone = calls_until(places, now - 1) * TIME_SIZE
      local first = #places > gone and unpack_bytes('<I6', places, gone + 1)
      if first and first - now <= longest_wait and (state == LACKING or first < leaves) then
        state, leaves = LATER, first
        paced.places, paced.places_key = sub(places, gone + TIME_SIZE + 1), KEYS[freed_at]
      end
    end
    -- Renewing the time to live on every call would double the writes. The first write in each stretch of one period gives
    -- the key two of them, so that after any write more than one is left, which is the longest that a level can matter.
    -- Of a paced bucket that is longer, and how much so may just have been changed.
    local stretch = seconds * 1000
    renew[i] = paced or not time or time - time % stretch ~= now - now % stretch
  end

  if i <= passed_by or record ~= '' and string.find(record, sub(charge, 2, CHARGE_HEAD), 1, true) then
    state = COUNTED
  elseif state == LACKING then
    local demand = byte(charge)
    refused = refused or demand == REQUIRED or demand == PACED
  end
  reply[place] = state
  if paced then
    paces = paces or {}
    paces[i], reply[place + 1] = paced, (state == ROOM or state == LATER) and leaves or 0
  end
end
if refused then reply[1] = REFUSED end
if refused and not stepped_back then return reply end

-- Pass 2: take.
size = 2
local tags = record
for i = 1, charges do
  local charge, place = ARGV[3 + i], size + 1
  local paced, state = paces and paces[i], reply[place]
  local takes = not refused and (state == ROOM or state == LATER or state == LACKING and byte(charge) == LENIENT)
  local changed, marks = step_back[i], true
  size = paced and place + 1 or place
  if #charge % 2 == 0 then
    local kind = byte(charge, ROLLING_HEAD)
    if kind == LOCK or kind == FIRST then
      marks, size = kind == FIRST, size + 2
    elseif kind == LEASES then
      marks, size = false, size + 2
      if takes then
        reply[size] = reply[size] + 1
        if not peeks then
          local key, _, seconds = KEYS[1 + i], unpack_bytes('<I4I4', charge, ROLLING_HEAD + 1)
          call('ZREMRANGEBYSCORE', key, '-inf', now)
          call('ZADD', key, now + seconds * 1000, mark)
          call('EXPIRE', key, seconds + 1)
        end
      end
    elseif kind == SPEND then
      marks, size = false, size + 3
      local window, _, amount = windows[i], unpack_bytes('<I7I7', charge, ROLLING_HEAD + 1)
      if takes then
        reply[size - 1] = reply[size - 1] + amount
        spend.add(window, amount)
      end
      if (takes or changed) and not peeks then
        if takes then
          local spent = KEYS[#KEYS]
          call('HSET', spent, sub(charge, 2, CHARGE_HEAD), pack_bytes('<I7I6', amount, window.newest))
          call('EXPIRE', spent, SPENT_SECONDS)
        end
        spend.save(KEYS[1 + i], window)
      end
    else
      local ring, head, most, seconds, longest_wait, most_waiting = stored[1 + i], ROLLING_HEAD, 0, 0, 0, 0
      if paced then
        head = PACED_ROLLING_HEAD
        longest_wait, most_waiting = unpack_bytes('<I4I4', charge, ROLLING_HEAD + 1)
      end
      if kind == HOLD then takes, marks = false, false end
      if takes then ring = ring .. pack_bytes('<I6', paced and reply[place + 1] or now) end
      for charge_at = head + 1, #charge, 8 do
        local count
        count, seconds = unpack_bytes('<I4I4', charge, charge_at)
        if count > most then most = count end
        if takes then reply[size + 2] = reply[size + 1] + 1 end
        size = size + 3
      end
      if (takes or changed) and not peeks then
        local kept = sub(ring, -(most + most_waiting) * TIME_SIZE)
        call('SET', KEYS[1 + i], kept, 'EX', seconds + math.ceil(longest_wait / 1000) + 1)
      end
    end
  else
    local head = paced and PACED_BUCKET_HEAD or CHARGE_HEAD
    local width = (#charge - head) / 12
    local first_at = size + 1
    size = size + 2 * width
    if takes and paced and paced.places then
      -- The call that gave the place back has paid for it.
      takes = false
      if not peeks then
        if paced.places == '' then
          call('DEL', paced.places_key)
        else
          call('SET', paced.places_key, paced.places, 'KEEPTTL')
        end
      end
    end
    if takes or changed then
      local levels, seconds, charge_at = pack_bytes('<I6', now), 0, head + 1
      for at = first_at, size, 2 do
        local count, after = 0, reply[at]
        count, seconds, charge_at = unpack_bytes('<I4I4', charge, charge_at)
        local cost = seconds * 1000
        if takes and (paced or after + cost <= count * cost) then
          after = after + cost
          reply[at + 1], changed = after, true
        end
        levels = levels .. pack_bytes('<I7', after)
      end
      if changed and not peeks then
        if renew[i] then
          local bucket = levels .. sub(charge, head + 8 * width + 1)
          local ahead = paced and math.ceil(unpack_bytes('<I4', charge, CHARGE_HEAD + 1) / 1000) or 0
          -- One second more, because the server counts from when it read the command, a little before our `now`.
          call('SET', KEYS[1 + i], bucket, 'EX', 2 * seconds + ahead + 1)
        else
          -- The offset is text: turning a number into text costs more here than the rest of the line.
          call('SETRANGE', KEYS[1 + i], '0', levels)
        end
      end
    end
  end
  if marks and not refused and state ~= COUNTED then tags = tags .. sub(charge, 2, CHARGE_HEAD) end
end
if not peeks and tags ~= record then call('SET', KEYS[1], tags, 'EX', record_seconds) end
return reply
