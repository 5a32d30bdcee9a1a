-- wrk: the same POST to CALL_PATH on every connection. BODY_FILE is sent as it is; HEADER_FILE holds header lines.
local function contents(name)
  local file = assert(io.open(os.getenv(name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = "POST"
wrk.path = os.getenv("CALL_PATH")
wrk.body = contents("BODY_FILE")
for name, value in contents("HEADER_FILE"):gmatch("([%w-]+): ([^\r\n]+)") do
  wrk.headers[name] = value
end
