-- Names are checked by tests/lua (header contracts); luacheck finds the rest: shadowing, unreachable code, empty branches.
std = "lua51"
globals = {}
read_globals = { "redis", "cjson", "KEYS", "ARGV" }
unused_args = false -- a signature is a contract: rank(candidate, request, now, random)
max_line_length = 120
-- 111 setting, 113 reading an undeclared global; 211, 241 unused local (modules of a prelude look unused alone); 131 unused global
ignore = { "111", "113", "131", "211", "241" }
