-- Since when the store has had its data, as "<what was drawn then> <time>". A store that was emptied, by whomever, has none.

local function begin(now, drawn)
  local mark = drawn .. ' ' .. exact(now)
  redis.call('SET', MARK, mark)
  return mark
end

local function bornAt(mark)
  return tonumber(string.match(mark, '%S+$')) or 0
end

local function sinceOf(now, drawn)
  return redis.call('GET', MARK) or begin(now, drawn)
end
