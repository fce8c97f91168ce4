-- How near to a limit its use came of late: the fullest of the rolling windows that end where something was counted.
-- Uses: slots
-- Defines: worst
-- A ring keeps its window and a quarter more, so that is how far back it sees; of a calendar: the period.

-- As much as stood in it at most. Throws GARBLED.
local function worst(w)
  if w.calendar then
    return w.sum
  end
  local first, sum, most = w.newest - w.ring + 1, 0, 0
  slots.read_range(w, first, w.newest)
  slots.read_range(w, first + w.n + 1, w.newest)
  local from = first
  for slot = first, w.newest do
    local at_ms = slots.of(w, slot).last_ms
    sum = sum + slots.of(w, slot).amount
    while at_ms and (slots.of(w, from).last_ms or 0) + w.span <= at_ms do
      sum = sum - slots.of(w, from).amount
      from = from + 1
    end
    most = math.max(most, sum)
  end
  return most
end
