-- KEYS: the subjects. ARGV: time, day, month, the checks. Settled and reserved of each check.
-- { 2, subjects that nothing is known of } | { 1, … }

local now, checks = timeOf(ARGV[1]), cjson.decode(ARGV[4])
local subjects, unknown = {}, { 2 }
for at, key in ipairs(KEYS) do
  subjects[at] = load(key, now, ARGV[2], ARGV[3])
  if subjects[at] then advance(subjects[at], now) else unknown[#unknown + 1] = at - 1 end
end
if #unknown > 1 then return unknown end
saveReaped(subjects)
local amounts = { 1 }
for at = 1, #checks, FIELDS do
  local over, counts, subject, limit, perSecond = checks[at], checks[at + 1], subjects[checks[at + 2] + 1], checks[at + 3], checks[at + 4]
  local used, reserved = amountsOf(over, counts, limit, perSecond, subject, now)
  amounts[#amounts + 1] = exact(used)
  amounts[#amounts + 1] = exact(reserved)
end
return amounts
