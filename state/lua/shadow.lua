-- What another strategy would do with the same candidates: it is asked without effect, and counted.
-- Uses: numbers, later, image, shared
-- Defines: shadow
-- `shadow[group|strategy]` = "calls agreed refused" since the pool began

local shadow = {}
local counts -- group|strategy -> {calls, agreed, refused} of this run, nil for none

-- The request as the other strategy sees it: without wishes. `route`: number of the shared string "group strategy
-- key=value ...".
function shadow.request(request, route)
  local way = shared.route(route)
  return {
    candidates = request.candidates,
    group = request.group,
    strategy = way.strategy,
    args = way.args,
    stream = request.stream,
    input_tokens = request.input_tokens,
    output_tokens = request.output_tokens,
    prepared = nil,
  }
end

local function add(name, count)
  local calls, agreed, refused = string.match(image.get("shadow", name) or "0 0 0", "^(%d+) (%d+) (%d+)$")
  for i, before in ipairs({ calls or 0, agreed or 0, refused or 0 }) do -- garbage: counted anew
    count[i] = numbers.int(count[i] + (numbers.read(before) or 0))
  end
  image.set("shadow", name, table.concat(count, " "))
end

-- Add what this run counted. It is no call's business where that cannot be written.
local function flush()
  for name, count in pairs(counts) do
    pcall(add, name, count)
  end
end

local function forget()
  counts = nil
end

-- A call went to the deployment `chosen` and would have gone to `other`; nil: nobody could serve it.
function shadow.note(request, chosen, other)
  local name = request.group .. "|" .. request.shadow.strategy
  if not counts then
    counts = {}
    later.at_end(flush)
    later.before_next(forget)
  end
  local count = counts[name] or { 0, 0, 0 }
  counts[name] = count
  count[1] = count[1] + 1
  if not chosen then
    count[3] = count[3] + 1
  elseif chosen == other then
    count[2] = count[2] + 1
  end
end
