-- A count of the ledger begins, whose result is told to finish.lua. KEYS: a subject. ARGV: time.
-- Its number; 0 where the subject is not counted at all.

local now = timeOf(ARGV[1])
local subject = load(KEYS[1], now, 0, 0)
if not subject then return 0 end
local recount = subject.recount or { 0, 0, 0 }
if recount[3] < now then
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, 1) == 'R' then subject.gone[#subject.gone + 1] = field end
  end
end
subject.changed.q = struct.pack(RECOUNT, recount[1] + 1, recount[2], now + 60000)
save(subject)
return recount[1] + 1
