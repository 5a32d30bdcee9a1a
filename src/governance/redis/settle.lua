-- Many calls that ended. KEYS: all their subjects. ARGV: time, a list of calls: { id, day, month, requests, tokens, nano-USD, then for
-- each subject its position in KEYS and the generation that the lease was taken in }.
-- May be sent twice: the lease that is gone says that it was done. The beat.

local now = timeOf(ARGV[1])
local subjects = {}

local function settle(subject, id, lease, requests, tokens, nanoUsd)
  closeLease(subject, id, lease)
  book(subject, lease[2], lease[3], requests, tokens, nanoUsd)
  note(subject, id, lease[2], lease[3], requests, tokens, nanoUsd, now)
  local slice = advance(subject, now)
  if requests == 0 then addToMinute(subject, lease[6], -1, 0) end
  local difference = tokens - lease[9] - lease[8]
  if difference <= 0 then
    -- what was not needed goes back where it was taken
    addToMinute(subject, lease[7], 0, math.max(difference, -lease[8]))
  else
    addToMinute(subject, slice, 0, difference)
  end
end

for _, ended in ipairs(cjson.decode(ARGV[2])) do
  local id, day, month, requests, tokens, nanoUsd = ended[1], ended[2], ended[3], ended[4], ended[5], ended[6]
  for at = 7, #ended, 2 do
    local position = ended[at]
    local subject = subjects[position]
    if subject == nil then
      subject = load(KEYS[position], now, day, month) or false
      subjects[position] = subject
    end
    if subject then
      local lease = leaseOf(subject, id)
      if lease then
        settle(subject, id, lease, requests, tokens, nanoUsd)
      elseif not correct(subject, id, requests, tokens, nanoUsd, now) and subject.generation ~= ended[at + 1] then
        -- the store lost its data while the call was in flight: the ledger did not know of it when the totals were restored
        openPeriod(subject, 'd', day)
        openPeriod(subject, 'm', month)
        book(subject, day, month, requests, tokens, nanoUsd)
        note(subject, id, day, month, requests, tokens, nanoUsd, now)
        addToMinute(subject, advance(subject, now), requests, tokens)
      end
    end
  end
end
for _, subject in pairs(subjects) do
  if subject then save(subject) end
end
return redis.call('INCR', BEAT)
