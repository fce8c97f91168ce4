-- What deployments used since the pool began.
-- Uses: numbers, image, pending, recall
-- Defines: totals
-- `used[id/tokens/total]` = input + output tokens, `used[id/cost/total]` = nano-dollars; absent: 0. They stand among
-- the windows, none of which has such a name (rows.lua), because a settle reads and writes those anyway. A total is
-- {field, sum, changed}, known from run to run as windows are.

local changed, count = {}, 0 -- those that `flush` has to write
local USED = pending.command("HSET", "used")
local TOKENS, COST = "/tokens/total", "/cost/total"

-- The fields of a deployment's totals: of tokens, and of cost.
local function fields_of(id)
  return id .. TOKENS, id .. COST
end

-- Hand the fields where `used` {tokens, cost} of a call counts to add(field).
local function load(id, used, add)
  local tokens, cost = used.tokens, used.cost
  if tokens and tokens > 0 then
    add(id .. TOKENS)
  end
  if cost and cost > 0 then
    add(id .. COST)
  end
end

local function open(field)
  local known = recall.known.totals
  local total = known[field]
  if not total then
    total = { field = field, sum = numbers.of(image.get("used", field) or "0"), changed = false }
    known[field] = total
  end
  return total
end

-- Tokens and nano-dollars, as numbers. Throws GARBLED.
local function read(id)
  return open(id .. TOKENS).sum, open(id .. COST).sum
end

-- Part of a plan: the totals of tokens and of cost where `used` of a call counts, false or nil for none. Throws
-- GARBLED.
local function plan(id, used)
  local tokens, cost = used.tokens, used.cost
  return tokens and tokens > 0 and open(id .. TOKENS), cost and cost > 0 and open(id .. COST)
end

local function add(total, amount)
  local sum = total.sum + amount
  total.sum = sum > 0 and sum or 0 -- whatever stood there
  if not total.changed then
    total.changed, count = true, count + 1
    changed[count] = total
  end
end

-- Count what a call used. Only after `plan`.
local function commit(tokens, cost, used)
  if tokens then
    add(tokens, used.tokens)
  end
  if cost then
    add(cost, used.cost)
  end
end

-- After the last settle of a run.
local function flush()
  for i = 1, count do
    local total = changed[i]
    total.changed = false
    pending.add(USED, total.field, numbers.int(total.sum))
  end
  count = 0
end

local totals = { fields = fields_of, read = read, load = load, plan = plan, commit = commit, flush = flush }
