-- What every script begins with: one subject (a caller or a project) is one hash.
--   b        the counters that every call touches (BASE), packed
--   d<day>   a calendar day: requests, tokens, nano-USD settled, then the same reserved; m<month> likewise
--   pd, pm   which days and months are kept
--   w<n>     a second of the last minute: which one, its requests and tokens; the newest second stands in b
--   L<id>    the lease of a call in flight
--   u        until then calls in flight may still have to be counted again: nothing may be admitted
--   g        drawn when the hash was made: a lease of another generation was taken before the store lost its data
--   e        since when the store had its data then (MARK): a hash of another time is as good as none
--   q        how often it was begun to count the subject anew from the ledger, the newest of these counts that was finished, and until
--            when what is booked is noted for them
--   R<id>    such a note: which count was the newest, day, month, requests, tokens, nano-USD
--   X<id>    a lease that expired and whose call has no row yet: 1 where a note holds what was booked for it, else 0
-- and, for all subjects, EXPIRED: what was booked for leases that nobody renewed, until it is known what the calls have used.
-- One key per subject, so that a store that loses keys loses all or nothing of it.

local MARK, BEAT, COUNTED = '{smart-router}:since', '{smart-router}:beat', '{smart-router}:subjects'
local SLICES = 61
local KEPT = 5
local IDLE_SECONDS = 62 * 86400

local EXPIRED = '{smart-router}:expired'
local EXPIRED_SECONDS = 2 * 86400
-- when, day, month, tokens, nano-USD; the generation of the subject behind them
local BOOKED = '<ddddd'

-- indexes into b
local CONCURRENT, EARLIEST = 1, 2
local LIFE_TOKENS, LIFE_RESERVED = 3, 4
local NEWEST, MINUTE_REQUESTS, MINUTE_TOKENS, NEWEST_REQUESTS, NEWEST_TOKENS = 5, 6, 7, 8, 9
local BUCKETS = 10
local BASE = '<' .. string.rep('d', 17)
local PERIOD = '<dddddd'
local SLICE = '<ddd'
-- expiry, day, month, tokens, nano-USD, first slice, slice, tokens in that slice, tokens in slices before
local LEASE = '<ddddddddd'
local RECOUNT = '<ddd'
local NOTE = '<dddddd'

local function exact(number)
  return string.format('%.17g', number)
end

-- Milliseconds by the clock of the store, which all processes share. Tests give their own.
local function timeOf(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

local function unpacked(format, packed)
  local values = { struct.unpack(format, packed) }
  values[#values] = nil
  return values
end

local function subjectFrom(key, values)
  return {
    key = key,
    base = unpacked(BASE, values[1]),
    generation = values[2],
    periods = {},
    slices = {},
    changed = {},
    gone = {},
    expired = {},
  }
end

local function keep(subject, field, packed)
  if packed then subject.periods[field] = unpacked(PERIOD, packed) end
end

-- A period that is kept, or nil.
local function period(subject, field)
  local known = subject.periods[field]
  if known == nil then
    keep(subject, field, redis.call('HGET', subject.key, field))
    known = subject.periods[field] or false
    subject.periods[field] = known
  end
  return known or nil
end

-- A period that is there from now on. The newest others stay beside it.
local function openPeriod(subject, kind, index)
  local field = kind .. index
  local known = period(subject, field)
  if known then return known end
  local list = subject.changed['p' .. kind] or redis.call('HGET', subject.key, 'p' .. kind) or ''
  local others = {}
  for other in string.gmatch(list, '%S+') do others[#others + 1] = tonumber(other) end
  table.sort(others, function(left, right) return left > right end)
  local kept = { index }
  for at, other in ipairs(others) do
    if at < KEPT then
      kept[#kept + 1] = other
    else
      subject.gone[#subject.gone + 1] = kind .. other
      subject.periods[kind .. other] = false
    end
  end
  subject.changed['p' .. kind] = table.concat(kept, ' ')
  subject.expires = true
  local fresh = { 0, 0, 0, 0, 0, 0 }
  subject.periods[field] = fresh
  return fresh
end

local function sliceOf(subject, slice)
  local known = subject.slices[slice]
  if known then return known end
  known = { 0, 0 }
  local packed = redis.call('HGET', subject.key, 'w' .. slice % SLICES)
  if packed then
    local at, requests, tokens = struct.unpack(SLICE, packed)
    if at == slice then known = { requests, tokens } end
  end
  subject.slices[slice] = known
  return known
end

-- Forgets what is older than a minute; returns the slice of this moment.
local function advance(subject, now)
  local base = subject.base
  local slice = math.floor(now / 1000)
  local newest = base[NEWEST]
  if slice <= newest then return newest end
  if slice - newest >= SLICES then
    base[MINUTE_REQUESTS], base[MINUTE_TOKENS] = 0, 0
  else
    local fields = {}
    for old = newest + 1, slice do fields[#fields + 1] = 'w' .. old % SLICES end
    local values = redis.call('HMGET', subject.key, unpack(fields))
    for at = 1, #fields do
      if values[at] then
        local of, requests, tokens = struct.unpack(SLICE, values[at])
        if of == newest + at - SLICES then
          base[MINUTE_REQUESTS] = base[MINUTE_REQUESTS] - requests
          base[MINUTE_TOKENS] = base[MINUTE_TOKENS] - tokens
        end
      end
    end
    if base[NEWEST_REQUESTS] ~= 0 or base[NEWEST_TOKENS] ~= 0 then
      subject.slices[newest] = { base[NEWEST_REQUESTS], base[NEWEST_TOKENS] }
    end
  end
  base[NEWEST], base[NEWEST_REQUESTS], base[NEWEST_TOKENS] = slice, 0, 0
  return slice
end

local function addToMinute(subject, slice, requests, tokens)
  local base = subject.base
  if slice <= base[NEWEST] - SLICES or slice > base[NEWEST] then return end
  if slice == base[NEWEST] then
    base[NEWEST_REQUESTS] = base[NEWEST_REQUESTS] + requests
    base[NEWEST_TOKENS] = base[NEWEST_TOKENS] + tokens
  else
    local kept = sliceOf(subject, slice)
    kept[1], kept[2] = kept[1] + requests, kept[2] + tokens
  end
  base[MINUTE_REQUESTS] = base[MINUTE_REQUESTS] + requests
  base[MINUTE_TOKENS] = base[MINUTE_TOKENS] + tokens
end

local function addToPeriod(counts, at, requests, tokens, nanoUsd)
  if not counts then return end
  counts[at] = counts[at] + requests
  counts[at + 1] = counts[at + 1] + tokens
  counts[at + 2] = counts[at + 2] + nanoUsd
end

-- Is somebody counting the subject anew? Then the ledger may or may not have known this, and it is noted: true.
local function note(subject, id, day, month, requests, tokens, nanoUsd, now)
  local recount = subject.recount
  if not recount or recount[3] < now then return false end
  local field = 'R' .. id
  local packed = subject.changed[field] or redis.call('HGET', subject.key, field)
  local known = packed and unpacked(NOTE, packed) or { 0, 0, 0, 0, 0, 0 }
  subject.changed[field] =
    struct.pack(NOTE, recount[1], day, month, known[4] + requests, known[5] + tokens, known[6] + nanoUsd)
  return true
end

local function book(subject, day, month, requests, tokens, nanoUsd)
  addToPeriod(period(subject, 'd' .. day), 1, requests, tokens, nanoUsd)
  addToPeriod(period(subject, 'm' .. month), 1, requests, tokens, nanoUsd)
  subject.base[LIFE_TOKENS] = subject.base[LIFE_TOKENS] + tokens
end

local function reserve(subject, day, month, requests, tokens, nanoUsd)
  addToPeriod(period(subject, 'd' .. day), 4, requests, tokens, nanoUsd)
  addToPeriod(period(subject, 'm' .. month), 4, requests, tokens, nanoUsd)
  subject.base[LIFE_RESERVED] = subject.base[LIFE_RESERVED] + tokens
end

local function expiredField(subject, id)
  return id .. ' ' .. subject.key
end

local function leaseOf(subject, id)
  if subject.expired[expiredField(subject, id)] then return nil end
  local packed = subject.changed['L' .. id] or redis.call('HGET', subject.key, 'L' .. id)
  return packed and unpacked(LEASE, packed) or nil
end

local function putLease(subject, id, lease)
  subject.changed['L' .. id] = struct.pack(LEASE, unpack(lease))
  local base = subject.base
  if base[EARLIEST] == 0 or lease[1] < base[EARLIEST] then base[EARLIEST] = lease[1] end
end

-- The lease goes, and so does what it holds.
local function closeLease(subject, id, lease)
  reserve(subject, lease[2], lease[3], -1, -lease[4], -lease[5])
  subject.base[CONCURRENT] = subject.base[CONCURRENT] - 1
  subject.changed['L' .. id] = nil
  subject.gone[#subject.gone + 1] = 'L' .. id
end

-- Corrects what was booked for a lease that had expired. False: there is nothing to correct.
local function correct(subject, id, requests, tokens, nanoUsd, now)
  local field = expiredField(subject, id)
  local packed = subject.expired[field] or redis.call('HGET', EXPIRED, field)
  if not packed then return false end
  subject.expired[field] = nil
  redis.call('HDEL', EXPIRED, field)
  local mark = 'X' .. id
  local isNoted = (subject.changed[mark] or redis.call('HGET', subject.key, mark)) == '1'
  subject.changed[mark] = nil
  subject.gone[#subject.gone + 1] = mark
  local _, day, month, bookedTokens, bookedNanoUsd, at = struct.unpack(BOOKED, packed)
  -- of another generation: the subject was counted anew from the ledger since
  if string.sub(packed, at) ~= subject.generation then return false end
  book(subject, day, month, requests - 1, tokens - bookedTokens, nanoUsd - bookedNanoUsd)
  -- a note holds all that was booked for a call
  if isNoted then requests, tokens, nanoUsd = requests - 1, tokens - bookedTokens, nanoUsd - bookedNanoUsd end
  note(subject, id, day, month, requests, tokens, nanoUsd, now)
  return true
end

-- Leases that nobody renewed are settled at what they reserved.
local function reap(subject, now)
  local base = subject.base
  if base[EARLIEST] == 0 or now < base[EARLIEST] then return end
  local fields = redis.call('HGETALL', subject.key)
  local earliest = 0
  for at = 1, #fields, 2 do
    local field = fields[at]
    if string.sub(field, 1, 1) == 'L' then
      local lease = unpacked(LEASE, fields[at + 1])
      if lease[1] <= now then
        local id = string.sub(field, 2)
        closeLease(subject, id, lease)
        book(subject, lease[2], lease[3], 1, lease[4], lease[5])
        local isNoted = note(subject, id, lease[2], lease[3], 1, lease[4], lease[5], now)
        subject.changed['X' .. id] = isNoted and '1' or '0'
        local booked = struct.pack(BOOKED, now, lease[2], lease[3], lease[4], lease[5]) .. subject.generation
        subject.expired[expiredField(subject, id)] = booked
      elseif earliest == 0 or lease[1] < earliest then
        earliest = lease[1]
      end
    end
  end
  base[EARLIEST] = earliest
  subject.reaped = true
end

local NOTHING = { 0, 0, 0, 0, 0, 0 }

-- nil where nothing is known of the subject. `day` and `month`: the counts of these periods, to be read only.
local function load(key, now, day, month)
  local dayField, monthField = 'd' .. day, 'm' .. month
  local values = redis.call('HMGET', key, 'b', 'g', dayField, monthField, 'u', 'e', 'q')
  if not values[1] or values[6] ~= redis.call('GET', MARK) then return nil end
  local subject = subjectFrom(key, values)
  subject.recount = values[7] and unpacked(RECOUNT, values[7])
  keep(subject, dayField, values[3])
  keep(subject, monthField, values[4])
  local wait = values[5] and tonumber(values[5]) - now or 0
  subject.waitMs = wait > 0 and wait or 0
  reap(subject, now)
  subject.day = subject.periods[dayField] or NOTHING
  subject.month = subject.periods[monthField] or NOTHING
  return subject
end

local function save(subject)
  local arguments = { 'b', struct.pack(BASE, unpack(subject.base)) }
  for field, value in pairs(subject.changed) do
    arguments[#arguments + 1] = field
    arguments[#arguments + 1] = value
  end
  for field, counts in pairs(subject.periods) do
    if counts then
      arguments[#arguments + 1] = field
      arguments[#arguments + 1] = struct.pack(PERIOD, unpack(counts))
    end
  end
  for slice, counts in pairs(subject.slices) do
    arguments[#arguments + 1] = 'w' .. slice % SLICES
    arguments[#arguments + 1] = struct.pack(SLICE, slice, counts[1], counts[2])
  end
  redis.call('HSET', subject.key, unpack(arguments))
  for at = 1, #subject.gone, 100 do
    redis.call('HDEL', subject.key, unpack(subject.gone, at, math.min(at + 99, #subject.gone)))
  end
  for field, booked in pairs(subject.expired) do
    redis.call('HSET', EXPIRED, field, booked)
    redis.call('EXPIRE', EXPIRED, EXPIRED_SECONDS)
  end
  -- a subject that nobody asks for is dropped one day, and counted anew from the ledger if it comes back
  if subject.expires then redis.call('EXPIRE', subject.key, IDLE_SECONDS) end
end

-- Expired leases are looked for once, also where nothing else changes.
local function saveReaped(subjects)
  for _, subject in ipairs(subjects) do
    if subject.reaped then save(subject) end
  end
end
