-- What an acquire asks.
-- Uses: shared, scopes, shadow, keyring, budget, claims
-- Defines: question
-- Op      "acquire id valid_until lease_ms seed route list input output stream wait_until caller
--         [ dry=1][ preferred=n][ remember=n][ priority=n][ wishes=position,... bounded=0|1]
--         [ pin=key ttl=ms sampled=0|1][ shadow=route][ max=input,output][ scopes=known|-][ use=key,key][ most=n]
--         [ firsts=n[ hedged=1]][ extra=kind,ratio,per_second][ throttle=k]"
--         times in pool ms; route and list: numbers of shared strings, "group strategy key=value ..." and "id id ...";
--         key: number of a key; sampled 1: the list is not all of the group; max: tokens at most, where a limit
--         reserves those; scopes: of the limits that the worker knows of, for calls with subjects, and the subjects in
--         them; caller: as in tickets (queued.lua); firsts, extra: budget.lua; throttle: throttle.lua

local match, tonumber = string.match, tonumber
local FORM = "^acquire (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d) (%d+) (%S+)(.*)$"

-- What few calls have: name of a word -> what its text puts into the request.
local words = {}

function words.dry(request, text)
  request.dry = text == "1"
end

function words.preferred(request, text)
  request.preferred = tonumber(text)
end

function words.remember(request, text)
  request.remember = tonumber(text)
end

function words.priority(request, text)
  request.priority = tonumber(text)
end

function words.wishes(request, text)
  request.wishes = {}
  for position in string.gmatch(text, "%d+") do
    request.wishes[#request.wishes + 1] = tonumber(position)
  end
end

function words.bounded(request, text)
  request.bounded = text == "1"
end

function words.pin(request, text)
  request.pin = keyring.other(tonumber(text))
  claims.expect(request.pin)
end

function words.ttl(request, text)
  request.pin_ms = tonumber(text)
end

function words.sampled(request, text)
  request.sampled = text == "1"
end

function words.most(request, text)
  request.most_waiting = tonumber(text)
end

function words.shadow(request, text)
  request.shadow = shadow.request(request, text)
end

function words.max(request, text)
  local input, output = match(text, "^(%d+),(%d+)$")
  request.max_input, request.max_output = tonumber(input), tonumber(output)
end

function words.scopes(request, text)
  request.scopes = text
end

function words.use(request, text)
  request.subjects = scopes.lend(text)
end

function words.firsts(request, text)
  request.firsts = tonumber(text)
end

function words.hedged(request, text)
  request.hedged = text == "1"
end

function words.extra(request, text)
  request.extra = budget.extra(text)
end

function words.throttle(request, text)
  request.throttle = tonumber(text)
end

local function parse_rest(request, rest)
  local found = false
  for name, text in string.gmatch(rest, " (%l+)=(%S+)") do
    found = true
    if words[name] then
      words[name](request, text)
    end
  end
  if not found then
    error("MALFORMED acquire", 0)
  end
end

local function parse(op)
  local id, valid, lease_ms, seed, route, list, input, output, stream, until_ms, caller, rest = match(op, FORM)
  if not id then
    error("MALFORMED acquire", 0)
  end
  local way = shared.route(route)
  local request = { -- what few calls have is put in later: with more than 16 the table would be twice as large
    id = id,
    valid_until = tonumber(valid),
    lease_ms = tonumber(lease_ms),
    seed = tonumber(seed),
    input_tokens = tonumber(input),
    output_tokens = tonumber(output),
    wait_until = tonumber(until_ms),
    candidates = shared.words(list),
    group = way.group,
    strategy = way.strategy,
    args = way.args,
    caller = caller,
  }
  if stream == "1" then
    request.stream = true
  end
  if rest ~= "" then
    parse_rest(request, rest)
  end
  return request
end

local question = { parse = parse }
