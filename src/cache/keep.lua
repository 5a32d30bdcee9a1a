-- KEYS: the index of kept answers, how many bytes they have together, the answer. ARGV: the answer, its name, how long it is kept in ms,
-- the most bytes of all answers together.
-- 1 where it is kept. The index sorts "bytes name" by the time at which an answer goes.

local value, name, ttl, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local prefix = string.sub(KEYS[3], 1, #KEYS[3] - #name)

local function forget(member)
  if redis.call('ZREM', KEYS[1], member) == 0 then return end
  redis.call('DECRBY', KEYS[2], string.match(member, '^%d+'))
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 64)) do forget(member) end
local before = redis.call('STRLEN', KEYS[3])
if before > 0 then forget(before .. ' ' .. name) end

local total = tonumber(redis.call('GET', KEYS[2]) or '0')
for _ = 1, 256 do
  if total + #value <= most then break end
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  if not oldest then break end
  redis.call('DEL', prefix .. string.match(oldest, ' (.*)$'))
  forget(oldest)
  total = tonumber(redis.call('GET', KEYS[2]) or '0')
end
if total + #value > most then return 0 end

redis.call('SET', KEYS[3], value, 'PX', ttl)
redis.call('ZADD', KEYS[1], now + ttl, #value .. ' ' .. name)
redis.call('INCRBY', KEYS[2], #value)
redis.call('PEXPIRE', KEYS[1], 2 * ttl)
redis.call('PEXPIRE', KEYS[2], 2 * ttl)
return 1
