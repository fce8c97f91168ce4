-- Which deployment serves a session (or a user): claimed by its first call, found by the later ones, one for the fleet.
-- Uses: numbers, later, pending, deployment, roster, clock
-- Defines: claims
-- `pin:<group>:<hash>` = "deployment renewed_ms", with a TTL that the session's calls begin anew.
-- Where the deployment has no room, or is no candidate of a call, another serves the call and the pin stays: caches are
-- still warm when it has room again. It moves when its deployment is gone (drained, not known) or broken (open, but not
-- for a rate limit, which is a lack of room).

local claims = {}
local RENEWED = 0.1 -- of its TTL: a younger pin is not written anew
-- Of this run:
local expected -- keys that are not read yet
local texts -- key -> text of the pin, false where there is none; nil where no call has one
local failure -- why pins cannot be read

local function forget()
  expected, texts, failure = nil, nil, nil
end

-- A call has this pin. With the first that is asked for those of all calls are read, in one command.
function claims.expect(key)
  if not texts then
    texts = {}
    later.before_next(forget)
  end
  if texts[key] == nil then
    expected = expected or {}
    expected[#expected + 1], texts[key] = key, false
  end
end

local function load()
  local pins = expected
  expected = nil
  local found = redis.pcall("MGET", unpack(pins))
  failure = found.err
  for i = 1, #found do
    texts[pins[i]] = found[i]
  end
end

-- The deployment of the request's session and when that was written, nil where it has none. Throws where pins cannot be
-- read.
function claims.of(request)
  if expected then
    load()
  end
  if failure then
    error(failure, 0)
  end
  return string.match(request.pin and texts[request.pin] or "", "^(%S+) (%d+)$")
end

-- Can this deployment serve its sessions no more?
function claims.lost(id)
  local ok, d = pcall(deployment.of, id, roster.BASE)
  if not ok or not d.settings or d.settings.drained then
    return true
  end
  return (d.state == "open" or d.state == "half-open") and d.reason ~= "rate_limit"
end

-- Part of the plan of a grant to `d`: what the pin is to be from now on, nil where it stays as it is.
function claims.plan(request, d)
  local id, renewed_ms = claims.of(request)
  if id == d.id then
    local age = clock.now - tonumber(renewed_ms)
    if age >= 0 and age < RENEWED * request.pin_ms then
      return nil
    end
  elseif id and not claims.lost(id) then
    return nil
  end
  return d.id .. " " .. clock.text
end

-- Write what was planned.
function claims.write(request, text)
  texts[request.pin] = text
  pending.write("SET", request.pin, text, "PX", numbers.int(request.pin_ms))
end
