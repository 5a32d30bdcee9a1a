-- KEYS: the subjects. ARGV: time, id, { how long the lease lives in ms, day, month, further output tokens, nano-USD per million output
-- tokens }, the checks.
-- { 1 } | a refusal | { 2, … } and { 3, … } as an admission

local now, id = timeOf(ARGV[1]), ARGV[2]
local wish, checks = cjson.decode(ARGV[3]), cjson.decode(ARGV[4])
local ttl, day, month, tokens = wish[1], wish[2], wish[3], wish[4]
local call = { inputTokens = 0, inputNanoUsd = 0, price = wish[5] }

local subjects, unknown, waitMs = {}, { 2 }, 0
for at, key in ipairs(KEYS) do
  subjects[at] = load(key, now, day, month)
  if subjects[at] then waitMs = math.max(waitMs, subjects[at].waitMs) else unknown[#unknown + 1] = at - 1 end
end
if #unknown > 1 then return unknown end
if waitMs > 0 then return { 3, exact(waitMs) } end
local slice = 0
for _, subject in ipairs(subjects) do slice = advance(subject, now) end
for at = 1, #checks, FIELDS do
  local over, counts, subject, limit = checks[at], checks[at + 1], subjects[checks[at + 2] + 1], checks[at + 3]
  if growsWithOutput(over, counts) then
    local used, reserved = amountsOf(over, counts, limit, 0, subject, now)
    local amount = amountOf(counts, call, tokens)
    if amount > limit - used - reserved then return refusal(at, checks, subject, now, amount) end
  end
end

local nanoUsd = outputCost(tokens, call.price)
for _, subject in ipairs(subjects) do
  local lease = leaseOf(subject, id)
  if lease then
    reserve(subject, lease[2], lease[3], 0, tokens, nanoUsd)
    addToMinute(subject, slice, 0, tokens)
    lease[1] = math.max(lease[1], now + ttl)
    lease[4], lease[5] = lease[4] + tokens, lease[5] + nanoUsd
    if slice == lease[7] then
      lease[8] = lease[8] + tokens
    else
      lease[9] = lease[9] + lease[8]
      lease[7], lease[8] = slice, tokens
    end
    putLease(subject, id, lease)
    save(subject)
  end
end
return { 1 }
