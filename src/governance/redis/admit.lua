-- KEYS: the subjects. ARGV: time, id, { how long the lease lives in ms, day, month, input tokens, output tokens, least output tokens,
-- nano-USD of the input, nano-USD per million output tokens }, the checks, the id of a lease that this one takes the place of, or ''.
-- { 1, output tokens, quota state, key state, the beat, generation of each subject } | a refusal | { 2, subjects that nothing is known of }
-- | { 3, how long the call has to wait before it may ask, in ms }

local now, id = timeOf(ARGV[1]), ARGV[2]
local wish, checks = cjson.decode(ARGV[3]), cjson.decode(ARGV[4])
local ttl, day, month, output, least = wish[1], wish[2], wish[3], wish[5], wish[6]
local call = { inputTokens = wish[4], inputNanoUsd = wish[7], price = wish[8] }

local subjects, unknown, waitMs = {}, { 2 }, 0
for at, key in ipairs(KEYS) do
  subjects[at] = load(key, now, day, month)
  if subjects[at] then waitMs = math.max(waitMs, subjects[at].waitMs) else unknown[#unknown + 1] = at - 1 end
end
if #unknown > 1 then return unknown end
if waitMs > 0 then return { 3, exact(waitMs) } end

-- Nothing is taken.
local function refuse(at, subject, requested)
  local refused = refusal(at, checks, subject, now, requested)
  saveReaped(subjects)
  return refused
end

-- Ends a lease that nothing was used of, also where the call is refused.
local function giveBack(subject, before)
  local lease = leaseOf(subject, before)
  if lease then
    closeLease(subject, before, lease)
    addToMinute(subject, lease[6], -1, 0)
    addToMinute(subject, lease[7], 0, -lease[8])
  else
    correct(subject, before, 0, 0, 0, now)
  end
  subject.reaped = true
end

local slice = 0
for _, subject in ipairs(subjects) do
  slice = advance(subject, now)
  if ARGV[5] ~= '' then giveBack(subject, ARGV[5]) end
end
for at = 1, #checks, FIELDS do
  local over, counts, subject, limit, perSecond = checks[at], checks[at + 1], subjects[checks[at + 2] + 1], checks[at + 3], checks[at + 4]
  if perSecond > 0 then
    local amount = amountOf(counts, call, output)
    local level = levelOf(counts, limit, perSecond, subject, now)
    if level < math.min(limit, amount) or isBeyond(limit, perSecond, amount) then return refuse(at, subject, amount) end
  else
    local used, reserved = amountsOf(over, counts, limit, perSecond, subject, now)
    local left = limit - used - reserved
    if amountOf(counts, call, output) > left then
      local fits = outputWithin(over, counts, left, call)
      if fits == math.huge or fits < least or fits < 0 then return refuse(at, subject, amountOf(counts, call, least)) end
      output = fits
    end
  end
end

local tokens = call.inputTokens + output
local nanoUsd = call.inputNanoUsd + outputCost(output, call.price)
for _, subject in ipairs(subjects) do
  subject.day = openPeriod(subject, 'd', day)
  subject.month = openPeriod(subject, 'm', month)
  reserve(subject, day, month, 1, tokens, nanoUsd)
  subject.base[CONCURRENT] = subject.base[CONCURRENT] + 1
  addToMinute(subject, slice, 1, tokens)
  putLease(subject, id, { now + ttl, day, month, tokens, nanoUsd, slice, slice, tokens, 0 })
end

-- 0: none; 1: ok; 2: warning; 3: exhausted
local quotaState, keyState = 0, 0
for at = 1, #checks, FIELDS do
  local over, counts, subject = checks[at], checks[at + 1], subjects[checks[at + 2] + 1]
  local limit, perSecond, softLimit = checks[at + 3], checks[at + 4], checks[at + 5]
  if perSecond > 0 then
    local bucket = BUCKET_OF[counts]
    subject.base[bucket] = subject.base[bucket] - amountOf(counts, call, output)
  elseif softLimit >= 0 then
    local used, reserved = amountsOf(over, counts, limit, perSecond, subject, now)
    local taken = used + reserved
    local state = taken >= limit and 3 or taken >= softLimit and 2 or 1
    if over == OVER_LIFETIME then
      keyState = math.max(keyState, state)
    else
      quotaState = math.max(quotaState, state)
    end
  end
end

local granted = { 1, output, quotaState, keyState, redis.call('INCR', BEAT) }
for _, subject in ipairs(subjects) do
  save(subject)
  granted[#granted + 1] = subject.generation
end
return granted
