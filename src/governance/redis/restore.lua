-- What the ledger knows of a subject that is not counted here. KEYS: the subject. ARGV: time, generation, day, month, requests, tokens
-- and nano-USD of the day, the same of the month, lifetime tokens, then for each call of the last minute, oldest first: its
-- age in ms and its tokens. Whoever comes first counts: 1, else 0.

local now = timeOf(ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local base = {}
for at = 1, 17 do base[at] = 0 end
for at = BUCKETS, BUCKETS + 6, 2 do base[at + 1] = -1 end
base[LIFE_TOKENS] = tonumber(ARGV[11])
local subject = subjectFrom(KEYS[1], { struct.pack(BASE, unpack(base)), ARGV[2] })
subject.changed.g = ARGV[2]
addToPeriod(openPeriod(subject, 'd', tonumber(ARGV[3])), 1, tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]))
addToPeriod(openPeriod(subject, 'm', tonumber(ARGV[4])), 1, tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]))
for at = 12, #ARGV, 2 do
  addToMinute(subject, advance(subject, now - tonumber(ARGV[at])), 1, tonumber(ARGV[at + 1]))
end
advance(subject, now)
save(subject)
return 1
