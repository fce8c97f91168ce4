-- What an operator reads of limits: every row with what is used of it, and what running calls have reserved.
-- Uses: numbers, image, keys, shared, subjects, scopes, holders, outlook, worst, deployment, roster, leases, clock
-- Defines: meters, named, reserved
-- Op      "meters[ worst] list[ use=key,key]" (number of a shared string of deployments and subjects), "named",
--         "reserved after"
-- Returns meters: one line a row, fields by tab: whose, name, amount, flags, used, pool time of the next room,
--         exceeded (calls that a row which is only counted would have refused), worst (worst.lua, where asked); "-"
--         for unknown
--         named: all subjects with rows, by space
--         reserved: "next whose/row=amount:calls ..." of up to 500 running calls after a member of `held`; next "-":
--         all

local meters, named, reserved = {}, {}, {}
local PAGE = 500

function meters.parse(op)
  local asked, list, rest = string.match(op, "^meters (%l*) ?(%d+)(.*)$")
  scopes.lend_in(rest)
  return { list = list, worst = asked == "worst" }
end

local function flags_of(row)
  local flags = (row.max and ",max" or "") .. (row.shadow and ",shadow" or "")
  return flags .. (row.adaptive and ",adaptive" or "")
end

-- Used, when there is room again, and the worst of late.
local function state_of(h, i, with_worst)
  local row = holders.limits(h)[i]
  if not row.seconds then
    return numbers.int(h.inflight), h.inflight < row.amount and clock.text or "-", "-"
  elseif h.limits and not scopes.is_closed(h.id) and not h.column then
    return "-", "-", "-" -- of everyone without rows of his own
  end
  local w = holders.window(h, i)
  local due = w.sum < row.amount and clock.now or outlook.due_in(w, 1, row.amount)
  return numbers.int(w.sum), due and numbers.int(due) or "-", with_worst and numbers.int(worst(w)) or "-"
end

local function lines_of(h, lines, with_worst)
  for i, row in ipairs(holders.limits(h)) do
    local used, due, most = state_of(h, i, with_worst)
    local exceeded = row.shadow and image.get(holders.exceeded(h, i)) or "0"
    local amount = numbers.int(row.amount)
    lines[#lines + 1] = table.concat({ h.id, row.name, amount, flags_of(row), used, due, exceeded, most }, "\t")
  end
end

local function holder_of(id)
  if scopes.of(id) then
    return subjects.holder(id)
  end
  return deployment.of(id, roster.SETTINGS)
end

function meters.run(op)
  local lines = {}
  for _, id in ipairs(shared.words(op.list)) do
    local ok, h = pcall(holder_of, id)
    local before = #lines
    if (ok and h and not pcall(lines_of, h, lines, op.worst)) or not ok then
      for i = #lines, before + 1, -1 do
        lines[i] = nil
      end
      lines[#lines + 1] = id .. "\tgarbled"
    end
  end
  return table.concat(lines, "\n")
end

function named.parse()
  return {}
end

function named.run()
  return table.concat(image.fields("limits"), " ")
end

function reserved.parse(op)
  return { after = string.match(op, "^reserved (%S+)$") }
end

local function add(lease, sums, order)
  for name, amount in string.gmatch(lease.rest .. " concurrent=1", "(%S+)=([^%s:]+)") do
    local subject, row = string.match(name, "^([^|]+)|(.+)$")
    local id = (subject or lease.deployment) .. "/" .. (row or name)
    if not sums[id] then
      sums[id] = { 0, 0 }
      order[#order + 1] = id
    end
    sums[id][1], sums[id][2] = sums[id][1] + numbers.of(amount), sums[id][2] + 1
  end
end

function reserved.run(op)
  local start = op.after == "-" and "-" or "(" .. op.after
  local members = redis.call("ZRANGEBYLEX", keys.held, start, "+", "LIMIT", "0", numbers.int(PAGE))
  local sums, order, ids = {}, {}, {}
  for i, member in ipairs(members) do
    ids[i] = string.match(member, "|([^|]*)$") or "~"
  end
  if #ids > 0 then
    image.load("lease", ids)
  end
  for _, id in ipairs(ids) do
    local ok, lease = pcall(leases.read, id)
    if ok and lease then
      pcall(add, lease, sums, order)
    end
  end
  local words = { #members == PAGE and members[PAGE] or "-" }
  for _, id in ipairs(order) do
    words[#words + 1] = id .. "=" .. numbers.int(sums[id][1]) .. ":" .. numbers.int(sums[id][2])
  end
  return table.concat(words, " ")
end
