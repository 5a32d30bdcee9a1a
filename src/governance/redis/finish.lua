-- What the ledger knows of a subject that is counted here: what it knows more is added. KEYS: the subject. ARGV: time, the number of
-- the count, day, month, requests, tokens and nano-USD of the day, the same of the month, lifetime tokens, requests and tokens of the
-- last minute, then of each call in flight or booked since that the ledger knew: its id, requests, tokens and nano-USD.
-- What is still to be booked here is taken off, and what was booked here and was not known there is added. A lease that expired is
-- corrected where the ledger knew its call: what is corrected later would be taken off a sum that never held it.
-- Less than is counted here is not believed: rows may wait in the spool of another process.

local now, number = timeOf(ARGV[1]), tonumber(ARGV[2])
local day, month = tonumber(ARGV[3]), tonumber(ARGV[4])
local subject = load(KEYS[1], now, day, month)
if not subject or not subject.recount or subject.recount[2] >= number then return 0 end
if subject.reaped then
  save(subject)
  subject = load(KEYS[1], now, day, month)
end
local counted = {}
for at = 14, #ARGV, 4 do counted[ARGV[at]] = { tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]) } end

local ofDay, ofMonth, life = { 0, 0, 0 }, { 0, 0, 0 }, tonumber(ARGV[11])
for at = 1, 3 do ofDay[at], ofMonth[at] = tonumber(ARGV[4 + at]), tonumber(ARGV[7 + at]) end
local isNewest = subject.recount[1] == number
local fields = redis.call('HGETALL', KEYS[1])
local isExpired = {}
for at = 1, #fields, 2 do
  local id = string.sub(fields[at], 2)
  if string.sub(fields[at], 1, 1) == 'X' then
    local known, packed = counted[id], redis.call('HGET', EXPIRED, expiredField(subject, id))
    if known then
      correct(subject, id, known[1], known[2], known[3], now)
    elseif packed then
      local _, bookedDay, bookedMonth, tokens, nanoUsd, rest = struct.unpack(BOOKED, packed)
      if string.sub(packed, rest) == subject.generation then
        isExpired[id] = true
        if bookedDay == day then addToPeriod(ofDay, 1, 1, tokens, nanoUsd) end
        if bookedMonth == month then addToPeriod(ofMonth, 1, 1, tokens, nanoUsd) end
        life = life + tokens
        if isNewest then subject.changed[fields[at]] = '0' end
      end
    end
    if not known and not isExpired[id] then subject.gone[#subject.gone + 1] = fields[at] end
  end
end
for at = 1, #fields, 2 do
  local field = fields[at]
  local kind, id = string.sub(field, 1, 1), string.sub(field, 2)
  if kind == 'L' and counted[id] then
    local lease, known = leaseOf(subject, id), counted[id]
    if lease then
      if lease[2] == day then addToPeriod(ofDay, 1, -known[1], -known[2], -known[3]) end
      if lease[3] == month then addToPeriod(ofMonth, 1, -known[1], -known[2], -known[3]) end
      life = life - known[2]
    end
  elseif kind == 'R' then
    local noted = unpacked(NOTE, subject.changed[field] or fields[at + 1])
    if noted[1] >= number and not counted[id] and not isExpired[id] then
      if noted[2] == day then addToPeriod(ofDay, 1, noted[4], noted[5], noted[6]) end
      if noted[3] == month then addToPeriod(ofMonth, 1, noted[4], noted[5], noted[6]) end
      life = life + noted[5]
    end
    if isNewest then
      subject.changed[field] = nil
      subject.gone[#subject.gone + 1] = field
    end
  end
end

local known = { day = openPeriod(subject, 'd', day), month = openPeriod(subject, 'm', month) }
for at = 1, 3 do
  known.day[at] = math.max(known.day[at], ofDay[at])
  known.month[at] = math.max(known.month[at], ofMonth[at])
end
local base = subject.base
base[LIFE_TOKENS] = math.max(base[LIFE_TOKENS], life)
local slice = advance(subject, now)
local requests, tokens = tonumber(ARGV[12]) - base[MINUTE_REQUESTS], tonumber(ARGV[13]) - base[MINUTE_TOKENS]
addToMinute(subject, slice, math.max(0, requests), math.max(0, tokens))
subject.changed.q = struct.pack(RECOUNT, subject.recount[1], number, isNewest and 0 or subject.recount[3])
save(subject)
return 1
