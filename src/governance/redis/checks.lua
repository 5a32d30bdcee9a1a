-- The checks of an admission, as a flat list of six numbers each: over which time (OVER…), which amount of a call (COUNTS…), the subject
-- (the first is 0), the limit, what comes back in a second, and the soft limit (below 0: none). `lease.ts` writes it.

local FIELDS = 6
local OVER_FLIGHT, OVER_MINUTE, OVER_DAY, OVER_MONTH, OVER_LIFETIME, OVER_BUCKET = 1, 2, 3, 4, 5, 6
local COUNTS_CALLS, COUNTS_TOKENS, COUNTS_MONEY, COUNTS_INPUT, COUNTS_OUTPUT = 1, 2, 3, 4, 5
local MILLION = 1000000
local BLOCKED_BY_CALLS_MS = 1000
local LONGEST_DEBT_S = 3600

-- amount -> where its bucket stands in b
local BUCKET_OF = {
  [COUNTS_CALLS] = BUCKETS, [COUNTS_INPUT] = BUCKETS + 2, [COUNTS_OUTPUT] = BUCKETS + 4, [COUNTS_TOKENS] = BUCKETS + 6
}

-- What is in the bucket at the moment. Full at first.
local function levelOf(counts, limit, perSecond, subject, now)
  local base, at = subject.base, BUCKET_OF[counts]
  if base[at + 1] < 0 then
    base[at], base[at + 1] = limit, now
  else
    local grown = base[at] + math.max(0, now - base[at + 1]) * perSecond / 1000
    base[at] = math.min(limit, grown)
    base[at + 1] = math.max(base[at + 1], now)
  end
  return base[at]
end

-- Does the call ask a bucket for more than it may ever owe?
local function isBeyond(limit, perSecond, amount)
  return perSecond > 0 and amount - limit > perSecond * LONGEST_DEBT_S
end

-- Settled and reserved. Of a day or month, amounts stand in the order of COUNTS…, and what is reserved three behind.
local function amountsOf(over, counts, limit, perSecond, subject, now)
  if over == OVER_DAY then return subject.day[counts], subject.day[counts + 3] end
  if over == OVER_MONTH then return subject.month[counts], subject.month[counts + 3] end
  local base = subject.base
  if over == OVER_FLIGHT then return 0, base[CONCURRENT] end
  if over == OVER_MINUTE then return base[counts == COUNTS_CALLS and MINUTE_REQUESTS or MINUTE_TOKENS], 0 end
  if over == OVER_LIFETIME then return base[LIFE_TOKENS], base[LIFE_RESERVED] end
  return limit - levelOf(counts, limit, perSecond, subject, now), 0
end

local function outputCost(tokens, price)
  return price == 0 and 0 or math.ceil(tokens * price / MILLION)
end

-- What the call adds with so much output. `call`: inputTokens, inputNanoUsd, price.
local function amountOf(counts, call, output)
  if counts == COUNTS_CALLS then return 1 end
  if counts == COUNTS_MONEY then return call.inputNanoUsd + outputCost(output, call.price) end
  if counts == COUNTS_INPUT then return call.inputTokens end
  if counts == COUNTS_OUTPUT then return output end
  return call.inputTokens + output
end

local function growsWithOutput(over, counts)
  return over ~= OVER_BUCKET and counts ~= COUNTS_CALLS
end

-- The most output that fits in what is left; math.huge: it does not depend on output; below 0: none.
local function outputWithin(over, counts, left, call)
  if not growsWithOutput(over, counts) then return math.huge end
  if counts ~= COUNTS_MONEY then return left - call.inputTokens end
  local forOutput = left - call.inputNanoUsd
  if call.price == 0 then return forOutput >= 0 and math.huge or -1 end
  local tokens = math.floor(forOutput * MILLION / call.price)
  while tokens > 0 and outputCost(tokens, call.price) > forOutput do tokens = tokens - 1 end
  return tokens
end

-- How long until `count` more calls or tokens fit under the limit of the minute; -1: never.
local function waitOf(subject, at, count, limit, now)
  if count > limit then return -1 end
  local base = subject.base
  local newest = base[NEWEST]
  local fields = {}
  for slice = newest - SLICES + 1, newest - 1 do fields[#fields + 1] = 'w' .. slice % SLICES end
  local values = redis.call('HMGET', subject.key, unpack(fields))
  local sum = base[at == COUNTS_CALLS and MINUTE_REQUESTS or MINUTE_TOKENS]
  for offset = 1, SLICES do
    local slice = newest - SLICES + offset
    local counts = subject.slices[slice]
    if slice == newest then
      counts = { base[NEWEST_REQUESTS], base[NEWEST_TOKENS] }
    elseif not counts and values[offset] then
      local of, requests, tokens = struct.unpack(SLICE, values[offset])
      if of == slice then counts = { requests, tokens } end
    end
    if counts then sum = sum - counts[at] end
    if sum + count <= limit then return math.max(0, (slice + SLICES) * 1000 - now) end
  end
  return -1
end

-- { 0, which check (the first is 0), settled, reserved, requested, wait in ms or -1 }. `at`: where the check begins.
local function refusal(at, checks, subject, now, requested)
  local over, counts, limit, perSecond = checks[at], checks[at + 1], checks[at + 3], checks[at + 4]
  local used, reserved = amountsOf(over, counts, limit, perSecond, subject, now)
  local wait = -1
  if isBeyond(limit, perSecond, requested) then
    wait = -1
  elseif perSecond > 0 then
    wait = (math.min(limit, requested) - (limit - used)) * 1000 / perSecond
  elseif over == OVER_MINUTE then
    wait = waitOf(subject, counts, requested, limit, now)
  elseif used + requested <= limit then
    wait = BLOCKED_BY_CALLS_MS
  end
  return { 0, (at - 1) / FIELDS, exact(used), exact(reserved), exact(requested), exact(wait) }
end
