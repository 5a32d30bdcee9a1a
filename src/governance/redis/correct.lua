-- What calls have used whose leases had expired. KEYS: their subjects. ARGV: time, then for each call: the position of its subject in
-- KEYS, id, requests, tokens, nano-USD.

local now = timeOf(ARGV[1])
local subjects = {}
for at = 2, #ARGV, 5 do
  local position, id = tonumber(ARGV[at]), ARGV[at + 1]
  local subject = subjects[position]
  if subject == nil then
    subject = load(KEYS[position], now, 0, 0) or false
    subjects[position] = subject
  end
  if subject then
    correct(subject, id, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), now)
  else
    redis.call('HDEL', EXPIRED, id .. ' ' .. KEYS[position])
  end
end
for _, subject in pairs(subjects) do
  if subject then save(subject) end
end
return 1
