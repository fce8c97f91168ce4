-- The pool's diary: one entry a change, capped.
-- Uses: image, keys, clock
-- Defines: events

local events = {}

-- `kind` and `detail` are of a closed vocabulary or an operator's own numbers, never upstream text.
function events.add(kind, id, detail)
  image.write(
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
