-- More than is in force, of the rows of a deployment or a subject.
-- Uses: numbers, image, rows
-- Defines: raised

-- The rows in force of its own. Throws UNKNOWN, GARBLED.
local function in_force(op)
  local text = op.subject and image.get("limits", op.id)
    or not op.subject and string.match(image.get("settings", op.id) or "", " |(.*)$")
  return rows.read(text or "") or error("GARBLED limits", 0)
end

-- `changes`, {row, "100"} or {row, "20%"} by which its amount grows, as {row, amount}; rounded up. Throws UNKNOWN,
-- MALFORMED.
local function raised(op, changes)
  local amounts, found = {}, {}
  for _, row in ipairs(in_force(op)) do
    amounts[row.name] = row.amount
  end
  for i, change in ipairs(changes) do
    local number, percent = string.match(change[2], "^(%d+)(%%?)$")
    local before = amounts[change[1]]
    if not before then
      error("UNKNOWN limit " .. change[1], 0)
    elseif not number then
      error("MALFORMED " .. change[1], 0)
    end
    local by = percent == "%" and math.ceil(before * numbers.of(number) / 100) or numbers.of(number)
    found[i] = { change[1], numbers.int(numbers.of(numbers.int(before + by))) }
  end
  return found
end
