-- What a worker that joins asks: how the tokens of its deployments follow from estimates, as the fleet learned it.
-- Uses: shared, image, fit
-- Defines: fits
-- Op      "fits list" (number of a shared string of ids)
-- Returns one line a deployment of which something is known: "id ratio plain tools", "-" for what no call taught

local fits = {}

function fits.parse(op)
  return { list = string.match(op, "^fits (%d+)$") }
end

function fits.run(op)
  local ids, lines = shared.words(op.list), {}
  local texts = #ids > 0 and image.load("fit", ids) or ids
  for _, id in ipairs(ids) do
    local ok, known = pcall(fit.read, id)
    if texts[id] and ok then
      lines[#lines + 1] = id .. " " .. fit.text(known)
    end
  end
  return table.concat(lines, "\n")
end
