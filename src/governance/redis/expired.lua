-- KEYS: where expired leases are kept. ARGV: time, a cursor. The next cursor, then for each lease: its id and subject, and how long ago
-- it was booked in ms.

local now = timeOf(ARGV[1])
local found = redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', 100)
local answer = { found[1] }
for at = 1, #found[2], 2 do
  local booked = struct.unpack(BOOKED, found[2][at + 1])
  answer[#answer + 1] = found[2][at]
  answer[#answer + 1] = exact(now - booked)
end
return answer
