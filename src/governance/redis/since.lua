-- Since when the store has had its data, as "<what was drawn then> <time>". KEYS: the mark. ARGV: time, what to write where there is none.
-- A store that was emptied, by whomever, has none.

local function sinceOf(key, now, drawn)
  local mark = redis.call('GET', key)
  if mark then return mark end
  mark = drawn .. ' ' .. exact(now)
  redis.call('SET', key, mark)
  return mark
end
