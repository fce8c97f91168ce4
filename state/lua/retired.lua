-- Deployments and subjects that no live worker lists any more: their numbers are kept for an hour.
-- Uses: numbers, image, pending, keys, ring, window, totals, rows, scopes, breaker, events, clock
-- Defines: retired
-- `retired` ZSET of deployments nobody lists, by when

local retired = {}
local FACTS = {
  "declared",
  "inflight",
  "tokens_in_flight",
  "health",
  "learned",
  "observed",
  "context",
  "fit",
  "evidence",
  "sketch",
  "adaptive",
  "probed",
}
local FORGET_RETIRED_MS = 3600000

-- One of the deployments is listed no more: out of the choice now, its numbers are kept for an hour.
function retired.note(id)
  image.set("settings", id, false)
  pending.add_member("retired", clock.text, id)
  events.add("retired", id, "no live worker lists it")
end

local function erase_window(id, row)
  image.set("used", id, false)
  image.set("used", id .. ":exceeded", false)
  for slot = 0, row.calendar and -1 or ring.size(row.seconds) + ring.spare(row.seconds) do
    image.set("window", id .. ":" .. numbers.int(slot), false)
  end
end

local function erase(id)
  local declared = image.get("declared", id) or ""
  for name in string.gmatch(string.match(declared, "|(.*)$") or declared, "(%S+)=") do
    local row = rows.named(name)
    if row and row.seconds then
      erase_window(id .. "/" .. name, row)
    end
  end
  for _, counter in ipairs(breaker.COUNTERS) do
    erase_window(id .. "/" .. counter .. "/60", window.MINUTE)
  end
  for _, field in ipairs({ totals.fields(id) }) do
    image.set("used", field, false)
  end
  for _, fact in ipairs(FACTS) do
    image.set(fact, id, false)
  end
end

-- Forget those of which nothing is in force, once their calls have ended.
function retired.forget()
  local old =
    redis.call("ZRANGEBYSCORE", keys.retired, "-inf", numbers.int(clock.now - FORGET_RETIRED_MS), "LIMIT", "0", "100")
  for _, id in ipairs(old) do
    if numbers.of(image.get("inflight", id) or "0") == 0 then
      if not image.get("settings", id) and not image.get("limits", id) then
        erase(id)
      elseif scopes.of(id) then
        image.set("declared", id, false)
      end
      pending.remove_member("retired", id)
    end
  end
end
