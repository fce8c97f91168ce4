-- What an acquire asks.
-- Uses: shared, scopes, shadow, image, budget
-- Defines: question
-- Op      "acquire id valid_until lease_ms seed route list input output stream preferred remember wait_until priority
--         caller dry[ wishes=position,... bounded=0|1][ pin=key ttl=ms sampled=0|1][ shadow=route]
--         [ max=input,output][ scopes=known|-][ use=key:subject ...][ firsts=n[ hedged=1]]
--         [ extra=kind,ratio,per_second][ throttle=k]"
--         times in pool ms; route and list: numbers of shared strings, "group strategy key=value ..." and "id id ...";
--         key: number of a key; sampled 1: the list is not all of the group; max: tokens at most, where a limit
--         reserves those; scopes: of the limits that the worker knows of, for calls with subjects, and the subjects in
--         them; firsts, extra: budget.lua; throttle: throttle.lua

local FORM = "^acquire (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S+) (%d)(.*)$"

-- What few calls have: the words after the others.
local function parse_rest(request, rest)
  if not string.find(rest, "^ %l+=%S") then
    error("MALFORMED acquire", 0)
  end
  local positions, bounded = string.match(rest, " wishes=(%S+) bounded=(%d)")
  if positions then
    request.wishes, request.bounded = {}, bounded == "1"
    for position in string.gmatch(positions, "%d+") do
      request.wishes[#request.wishes + 1] = tonumber(position)
    end
  end
  local pin, ttl, sampled = string.match(rest, " pin=(%d+) ttl=(%d+) sampled=(%d)")
  if pin then
    request.pin, request.pin_ms, request.sampled = image.key(tonumber(pin)), tonumber(ttl), sampled == "1"
  end
  request.most_waiting = tonumber(string.match(rest, " most=(%d+)") or nil)
  local route = string.match(rest, " shadow=(%d+)")
  request.shadow = route and shadow.request(request, route)
  local input, output = string.match(rest, " max=(%d+),(%d+)")
  request.max_input, request.max_output = tonumber(input), tonumber(output)
  request.scopes = string.match(rest, " scopes=(%S+)")
  request.subjects = request.scopes and scopes.lend(rest)
  budget.parse(request, rest)
  request.throttle = tonumber(string.match(rest, " throttle=([%d.]+)") or nil)
end

local function parse(op)
  local id, valid, lease_ms, seed, route, list, input, output, stream, first, best, until_ms, turn, caller, dry, rest =
    string.match(op, FORM)
  if not id then
    error("MALFORMED acquire", 0)
  end
  local words = shared.words(route)
  local request = { -- what few calls have is put in later: with all of it the table would be twice as large
    id = id,
    valid_until = tonumber(valid),
    lease_ms = tonumber(lease_ms),
    seed = tonumber(seed),
    input_tokens = tonumber(input),
    output_tokens = tonumber(output),
    stream = stream == "1",
    preferred = tonumber(first),
    remember = tonumber(best),
    wait_until = tonumber(until_ms),
    priority = tonumber(turn),
    dry = dry == "1",
    list = list,
    candidates = shared.words(list),
    group = words[1],
    strategy = words[2],
    args = shared.values(route),
    caller = caller,
    ticket = until_ms .. "|" .. shared.worker .. "|" .. id .. "|" .. input .. "|" .. output .. "|" .. caller,
  }
  if rest ~= "" then
    parse_rest(request, rest)
  end
  return request
end

local question = { parse = parse }
