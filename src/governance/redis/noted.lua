-- Calls that a count of the ledger may or may not have met: those in flight, those that were booked since it began, and those whose
-- lease expired. KEYS: a
-- subject. ARGV: time, the number of the count. Their ids behind a 1; 0: a newer count was finished, or the subject is not counted.

local now, number = timeOf(ARGV[1]), tonumber(ARGV[2])
local subject = load(KEYS[1], now, 0, 0)
if not subject or not subject.recount or subject.recount[2] >= number then return { 0 } end
saveReaped({ subject })
local answer = { 1 }
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  local kind, id = string.sub(fields[at], 1, 1), string.sub(fields[at], 2)
  if kind == 'L' or kind == 'X' or (kind == 'R' and unpacked(NOTE, fields[at + 1])[1] >= number) then answer[#answer + 1] = id end
end
return answer
