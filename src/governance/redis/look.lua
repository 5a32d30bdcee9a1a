-- KEYS: the mark. ARGV: as in since.lua.
return sinceOf(KEYS[1], timeOf(ARGV[1]), ARGV[2])
