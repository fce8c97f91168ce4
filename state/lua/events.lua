-- The pool's diary: one entry a change, capped.
-- Uses: later, pending, keys, clock
-- Defines: events

-- `told`: what this run is to say in the log of its worker, nil for nothing: one line for the whole fleet.
local events = { told = nil }

local function forget()
  events.told = nil
end

-- `kind` and `detail` are of a closed vocabulary or an operator's own numbers, never upstream text.
function events.add(kind, id, detail)
  pending.write(
    "XADD",
    keys.events,
    "MAXLEN",
    "~",
    "10000",
    "*",
    "kind",
    kind,
    "deployment",
    id,
    "detail",
    detail,
    "at_ms",
    clock.text
  )
end

-- As `add`, and the worker whose operation it was says it in its log.
function events.tell(kind, id, detail)
  events.add(kind, id, detail)
  local line = kind .. "\t" .. id .. "\t" .. detail
  if not events.told then
    later.before_next(forget)
  end
  events.told = events.told and events.told .. "\n" .. line or line
end
