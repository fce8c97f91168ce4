-- Charging a call whose reservation Redis forgot: what it used counts where it would stand now.
-- Uses: window, slots, holders, deployment
-- Defines: charges

-- What a settle adds: {w, amount, ...}, and the slots to read. Throws GARBLED.
local function rows_of(d, e)
  local list, found = {}, {}
  deployment.limits(d) -- also for one whose settings were not read yet
  for _, h in ipairs(holders.of(d, e)) do
    for i, row in ipairs(holders.limits(h)) do
      local amount = e.used[row.resource] or (row.resource == "requests" and 1 or nil)
      if row.seconds and amount then
        local w = holders.window(h, i)
        list[#list + 1] = w
        list[#list + 1] = amount
        found[#found + 1] = w
        found[#found + 1] = w.newest
      end
    end
  end
  return list, found
end

-- Charge what the settle `e` used to the deployment, to whom it belongs and to the subjects of the call. Throws
-- GARBLED, and has changed nothing then.
local function add(d, e)
  local list, found = rows_of(d, e)
  slots.prepare(found)
  for i = 1, #list, 2 do
    window.add(list[i], list[i + 1])
  end
end

local charges = { add = add }
