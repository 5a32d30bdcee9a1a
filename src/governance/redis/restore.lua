-- What the ledger knows of a subject that is not counted here. KEYS: the subject. ARGV: time, generation, day,
-- month, requests, tokens and nano-USD of the day, the same of the month, lifetime tokens, how long processes may take to count again
-- what they have in flight after the store was emptied, then for each call of the last minute, oldest first: its age in ms and its
-- tokens. Whoever comes first counts: 1, else 0.

local now = timeOf(ARGV[1])
local mark = sinceOf(now, ARGV[2])
if redis.call('HGET', KEYS[1], 'e') == mark then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SADD', COUNTED, KEYS[1])
local base = {}
for at = 1, 17 do base[at] = 0 end
for at = BUCKETS, BUCKETS + 6, 2 do base[at + 1] = -1 end
base[LIFE_TOKENS] = tonumber(ARGV[11])
local subject = subjectFrom(KEYS[1], { struct.pack(BASE, unpack(base)), ARGV[2] })
subject.changed.g = ARGV[2]
subject.changed.e = mark
local born = bornAt(mark)
if born + ARGV[12] > now then subject.changed.u = exact(born + ARGV[12]) end
addToPeriod(openPeriod(subject, 'd', tonumber(ARGV[3])), 1, tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]))
addToPeriod(openPeriod(subject, 'm', tonumber(ARGV[4])), 1, tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]))
for at = 13, #ARGV, 2 do
  addToMinute(subject, advance(subject, now - tonumber(ARGV[at])), 1, tonumber(ARGV[at + 1]))
end
advance(subject, now)
save(subject)
return 1
