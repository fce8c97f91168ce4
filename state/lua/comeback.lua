-- One of a group is back from an outage: whoever of it went out before that is asked at once, by one call each, and
-- does not wait for the end of a cooldown that has doubled. What ends for one has mostly ended for all of them.
-- Uses: breaker
-- Defines: comeback
-- Nothing is written for it: one that fails its early probe went out after the other was back. Pauses that the upstream
-- asked for, bad keys, operators' orders and drains have ends of their own.

-- When the last of them came back that is in slow start, 0 where nobody is.
local function latest(cards)
  local at_ms = 0
  for i = 1, #cards do
    local d = cards[i]
    if d.health and d.state == "ramp" then
      at_ms = math.max(at_ms, d.since_ms)
    end
  end
  return at_ms
end

-- May a call ask one that is cooling, since one that was out with it is back?
local function may_ask(d, cards)
  return breaker.GIVES_WAY[d.reason] and d.since_ms < latest(cards)
end

local comeback = { may_ask = may_ask }
