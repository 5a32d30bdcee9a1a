-- KEYS: the mark. ARGV: time, what to write where there is none, the mark and the beat that this process has seen last.
-- { the mark, the beat, how many subjects were ever counted }
-- The beat goes up with everything that is taken or booked. One below what somebody has seen, or a mark from before: this is an older
-- state of the store, and all subjects are to be counted anew.

local now, drawn, seen = timeOf(ARGV[1]), ARGV[2], ARGV[3]
local mark, beat = sinceOf(now, drawn), redis.call('INCR', BEAT)
local isOlder = mark == seen and beat <= tonumber(ARGV[4]) or mark ~= seen and bornAt(mark) < bornAt(seen)
if isOlder then mark = begin(now, drawn) end
return { mark, beat, redis.call('SCARD', COUNTED) }
