-- The checks of an admission, as a flat list of five numbers each: the kind in the order of CHECK_KINDS (the first is 1), the
-- subject (the first is 0), the limit, what comes back in a second, and the soft limit (below 0: none).

local FIELDS = 5
local RPM, TPM, LIFETIME, INPUT_TOKENS, OUTPUT_RESERVATION = 3, 4, 9, 12, 13
local MILLION = 1000000
local BLOCKED_BY_CALLS_MS = 1000
local LONGEST_DEBT_S = 3600

-- kind -> where the settled amount of a day or month stands; what is reserved stands three behind
local DAY_CHECKS = { [5] = 1, [6] = 2, [10] = 3 }
local MONTH_CHECKS = { [7] = 1, [8] = 2, [11] = 3 }
local BUCKET_CHECKS = { [2] = BUCKETS, [12] = BUCKETS + 2, [13] = BUCKETS + 4, [14] = BUCKETS + 6 }
local OUTPUT_GROWS = { [4] = true, [6] = true, [8] = true, [9] = true, [10] = true, [11] = true }
local COUNTS_CALLS = { [1] = true, [2] = true, [3] = true, [5] = true, [7] = true }

-- What is in the bucket at the moment. Full at first.
local function levelOf(kind, limit, perSecond, subject, now)
  local base, at = subject.base, BUCKET_CHECKS[kind]
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

-- Settled and reserved.
local function amountsOf(kind, limit, perSecond, subject, now)
  local at = DAY_CHECKS[kind]
  if at then return subject.day[at], subject.day[at + 3] end
  at = MONTH_CHECKS[kind]
  if at then return subject.month[at], subject.month[at + 3] end
  local base = subject.base
  if kind == 1 then return 0, base[CONCURRENT] end
  if kind == RPM then return base[MINUTE_REQUESTS], 0 end
  if kind == TPM then return base[MINUTE_TOKENS], 0 end
  if kind == LIFETIME then return base[LIFE_TOKENS], base[LIFE_RESERVED] end
  return limit - levelOf(kind, limit, perSecond, subject, now), 0
end

local function outputCost(tokens, price)
  return price == 0 and 0 or math.ceil(tokens * price / MILLION)
end

-- What the call adds with so much output. `call`: inputTokens, inputNanoUsd, price.
local function amountOf(kind, call, output)
  if COUNTS_CALLS[kind] then return 1 end
  if kind == 10 or kind == 11 then return call.inputNanoUsd + outputCost(output, call.price) end
  if kind == INPUT_TOKENS then return call.inputTokens end
  if kind == OUTPUT_RESERVATION then return output end
  return call.inputTokens + output
end

-- The most output that fits in what is left; math.huge: it does not depend on output; below 0: none.
local function outputWithin(kind, left, call)
  if kind == 10 or kind == 11 then
    local forOutput = left - call.inputNanoUsd
    if call.price == 0 then return forOutput >= 0 and math.huge or -1 end
    local tokens = math.floor(forOutput * MILLION / call.price)
    while tokens > 0 and outputCost(tokens, call.price) > forOutput do tokens = tokens - 1 end
    return tokens
  end
  if OUTPUT_GROWS[kind] then return left - call.inputTokens end
  return math.huge
end

-- How long until `count` more fit under the limit of the minute; -1: never.
local function waitOf(subject, at, count, limit, now)
  if count > limit then return -1 end
  local base = subject.base
  local newest = base[NEWEST]
  local fields = {}
  for slice = newest - SLICES + 1, newest - 1 do fields[#fields + 1] = 'w' .. slice % SLICES end
  local values = redis.call('HMGET', subject.key, unpack(fields))
  local sum = base[at == 1 and MINUTE_REQUESTS or MINUTE_TOKENS]
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
  local kind, limit, perSecond = checks[at], checks[at + 2], checks[at + 3]
  local used, reserved = amountsOf(kind, limit, perSecond, subject, now)
  local wait = -1
  if isBeyond(limit, perSecond, requested) then
    wait = -1
  elseif perSecond > 0 then
    wait = (math.min(limit, requested) - (limit - used)) * 1000 / perSecond
  elseif kind == RPM then
    wait = waitOf(subject, 1, requested, limit, now)
  elseif kind == TPM then
    wait = waitOf(subject, 2, requested, limit, now)
  elseif used + requested <= limit then
    wait = BLOCKED_BY_CALLS_MS
  end
  return { 0, (at - 1) / FIELDS, exact(used), exact(reserved), exact(requested), exact(wait) }
end
