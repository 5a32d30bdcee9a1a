-- KEYS: the subjects, then a mark that makes sure that it is done once. ARGV: time, id, day, month, requests, tokens, nano-USD, then for
-- each subject the generation in which it must still be ('': any): a later one was counted from the ledger, which knew all this.

local now = timeOf(ARGV[1])
local day, month = tonumber(ARGV[3]), tonumber(ARGV[4])
local requests, tokens, nanoUsd = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if not redis.call('SET', KEYS[#KEYS], '1', 'NX', 'EX', 3600) then return 0 end
for at = 1, #KEYS - 1 do
  local subject = load(KEYS[at], now, day, month)
  if subject and (ARGV[7 + at] == '' or ARGV[7 + at] == subject.generation) then
    openPeriod(subject, 'd', day)
    openPeriod(subject, 'm', month)
    book(subject, day, month, requests, tokens, nanoUsd)
    note(subject, ARGV[2], day, month, requests, tokens, nanoUsd, now)
    addToMinute(subject, advance(subject, now), requests, math.max(0, tokens))
    save(subject)
  end
end
return 1
