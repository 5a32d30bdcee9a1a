-- One beat of a process. KEYS: the processes that live, what they told, then a hash for each scope that this beat asks about.
-- ARGV: own id, how long the process lives without another beat in ms (0: it leaves), the number of the news that it read last and of
-- which store, news as a JSON list, then for each scope: the part in use, and how much is asked for here; twice nothing: it has the
-- scope no more, and is answered nothing. Such scopes come last.
-- { time, processes, which store, number of the last news, { field, text, … }, { part, part that it should be, is nobody else there, … } }

local FLOOR = 0.25
-- Calls that all are taken to have asked besides, each as many: a few calls shift little.
local PRIOR = 5
-- Whoever comes with a part that is not noted does not grow for so long: others may have one too, and all ask within that time.
local SETTLE_MS = 1000
local DAY_MS = 86400000

local function exact(number)
  return string.format('%.17g', number)
end

local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local id, ttl, seen, store = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', exact(now))
if ttl > 0 then
  redis.call('ZADD', KEYS[1], exact(now + ttl), id)
  redis.call('PEXPIRE', KEYS[1], DAY_MS)
else
  redis.call('ZREM', KEYS[1], id)
end
local lives, processes = {}, redis.call('ZRANGE', KEYS[1], 0, -1)
for _, process in ipairs(processes) do lives[process] = true end

-- A field keeps the last that was told of it: number, what it is, until, at, failures, step.
local heads = redis.call('HMGET', KEYS[2], 'store', 'last')
local born, last = heads[1], tonumber(heads[2] or '0')
if not born then
  born = exact(now)
  redis.call('HSET', KEYS[2], 'store', born)
  redis.call('PEXPIRE', KEYS[2], 2 * DAY_MS)
end

local function kept(field)
  local words = {}
  for word in string.gmatch(redis.call('HGET', KEYS[2], field) or '', '%S+') do words[#words + 1] = word end
  return words
end

local news = cjson.decode(ARGV[5])
for _, told in ipairs(news) do
  local field, is, till, at, failures, step = told[1], told[2], now + told[3], now - told[4], told[5], told[6]
  local before = kept(field)
  local ended = tonumber(before[4])
  if is == 'pause' and before[2] == 'pause' then
    till, at = math.max(till, tonumber(before[3])), math.max(at, tonumber(before[4]))
    failures, step = math.max(failures, tonumber(before[5])), math.max(step, tonumber(before[6]))
  end
  -- told too late: a call that began behind it has been answered
  local isOld = is == 'pause' and before[2] == 'rest' and ended >= at or is == 'open' and before[2] == 'close' and ended >= till
  if not isOld then
    last = last + 1
    local words = { exact(last), is, exact(till), exact(at), exact(failures), exact(step) }
    redis.call('HSET', KEYS[2], field, table.concat(words, ' '))
  end
end
if #news > 0 then redis.call('HSET', KEYS[2], 'last', exact(last)) end

local heard = {}
if born ~= store then seen = 0 end
if last > seen then
  local fields = redis.call('HGETALL', KEYS[2])
  for at = 1, #fields, 2 do
    local field, text = fields[at], fields[at + 1]
    local number, till, since = string.match(text, '^(%S+) %l+ (%S+) (%S+) ')
    if number and math.max(tonumber(till), tonumber(since)) < now - DAY_MS then
      redis.call('HDEL', KEYS[2], field)
    elseif number and tonumber(number) > seen then
      heard[#heard + 1] = field
      heard[#heard + 1] = text
    end
  end
  redis.call('PEXPIRE', KEYS[2], 2 * DAY_MS)
end

-- A process may use what it is told here; noted is what it may still be using, so that all that is noted is never more than 1.
local parts = {}
for at = 3, #KEYS do
  local key, used, asked = KEYS[at], tonumber(ARGV[2 * at]), tonumber(ARGV[2 * at + 1])
  if not used then
    redis.call('HDEL', key, id)
  else
    local held, all, others, grows = 0, asked, 0, used > 0 and now + SETTLE_MS or 0
    local fields = redis.call('HGETALL', key)
    for field = 1, #fields, 2 do
      local process, noted = fields[field], fields[field + 1]
      if not lives[process] then
        redis.call('HDEL', key, process)
      elseif process == id then
        grows = struct.unpack('<d', noted, 17)
      else
        local part, demand = struct.unpack('<dd', noted)
        held, all, others = held + part, all + demand, others + 1
      end
    end
    local sharers = others + 1
    local fair = FLOOR / sharers + (1 - FLOOR) * (asked + PRIOR / sharers) / (all + PRIOR)
    local part = math.min(used, fair)
    if now >= grows then part = math.max(part, math.min(fair, 1 - held)) end
    if part < 1e-6 then part = 0 end
    redis.call('HSET', key, id, struct.pack('<ddd', math.max(used, part), asked, grows))
    redis.call('PEXPIRE', key, DAY_MS)
    parts[#parts + 1] = exact(part)
    parts[#parts + 1] = exact(fair)
    parts[#parts + 1] = others == 0 and 1 or 0
  end
end
return { exact(now), #processes, born, exact(last), heard, parts }
