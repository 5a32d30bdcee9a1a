-- A count of the ledger begins, whose result is told to finish.lua. KEYS: a subject. ARGV: time.
-- Its number, then the ids of calls in flight; empty where the subject is not counted at all.

local now = timeOf(ARGV[1])
local subject = load(KEYS[1], now, 0, 0)
if not subject then return {} end
local recount = subject.recount or { 0, 0, 0 }
local answer = { 0 }
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  local kind, id = string.sub(fields[at], 1, 1), string.sub(fields[at], 2)
  if kind == 'L' then
    answer[#answer + 1] = id
  elseif kind == 'R' and recount[3] < now then
    subject.gone[#subject.gone + 1] = fields[at]
  end
end
answer[1] = recount[1] + 1
subject.changed.q = struct.pack(RECOUNT, answer[1], recount[2], now + 60000)
save(subject)
return answer
