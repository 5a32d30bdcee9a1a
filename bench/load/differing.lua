-- wrk: as post.lua, but that each call says another number in place of NUMBER in its body.
dofile(os.getenv("POST_LUA"))
local before, behind = wrk.body:match("^(.*)NUMBER(.*)$")
local count = 0

function request()
  count = count + 1
  return wrk.format(nil, nil, nil, before .. count .. behind)
end
