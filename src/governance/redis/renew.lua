-- KEYS: one subject. ARGV: time, how long leases live in ms, then for each call: id, generation, day, month, tokens, nano-USD,
-- its age in ms. Returns the generation and the ids of calls whose lease had expired: they are settled already.

local now, ttl = timeOf(ARGV[1]), tonumber(ARGV[2])
local subject = load(KEYS[1], now, ARGV[5], ARGV[6])
-- a store that lost its data: the calls are counted again once somebody has restored the totals
if not subject then return {} end
local answer = { subject.generation }
local slice = advance(subject, now)
for at = 3, #ARGV, 7 do
  local id = ARGV[at]
  local lease = leaseOf(subject, id)
  if lease then
    lease[1] = math.max(lease[1], now + ttl)
    putLease(subject, id, lease)
  elseif subject.generation == ARGV[at + 1] then
    answer[#answer + 1] = id
  else
    local day, month = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local tokens, nanoUsd = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
    openPeriod(subject, 'd', day)
    openPeriod(subject, 'm', month)
    reserve(subject, day, month, 1, tokens, nanoUsd)
    subject.base[CONCURRENT] = subject.base[CONCURRENT] + 1
    local counts = tonumber(ARGV[at + 6]) < 60000
    if counts then addToMinute(subject, slice, 1, tokens) end
    putLease(subject, id, { now + ttl, day, month, tokens, nanoUsd, slice, slice, counts and tokens or 0, counts and 0 or tokens })
  end
end
save(subject)
return answer
