-- Deployments that succeed less often than the others of their group (Envoy's outlier detection by success rate): of
-- those with enough results in the minute, who is below mean - factor x stdev is out, at most a part of the group at
-- once, but always one.
-- Uses: numbers, image, keys, window, deployment, roster, breaker, clock
-- Defines: outliers
-- `config.outliers` = pool ms from which a heartbeat looks at them; absent: no deployment declares a rule for it
-- A rule: "outliers=factor,hosts,volume,percent,ms" in the settings of each deployment of a group (texts.lua)

local outliers = {}
local EVERY_MS = 10000 -- Envoy's interval
local LONGEST_MS = 300000
local AT_ONCE = 1000 -- deployments that are read with one command
local RULE = " outliers=([^,%s]+),([^,%s]+),([^,%s]+),([^,%s]+),([^,%s]+)"

-- A deployment is declared: somebody is to look at its group from now on.
function outliers.note(text)
  if string.find(text, RULE) and not image.get("config", "outliers") then
    image.set("config", "outliers", clock.text)
  end
end

local function rule_in(text)
  local factor, hosts, volume, percent, ms = string.match(text, RULE)
  return factor
    and {
      factor = numbers.of(factor),
      hosts = numbers.of(hosts),
      volume = numbers.of(volume),
      percent = numbers.of(percent),
      ms = numbers.of(ms),
    }
end

-- The groups that have a rule: name -> {rule, ids}.
local function groups()
  local found, any = {}, false
  local all = redis.call("HGETALL", keys.settings)
  for i = 1, #all, 2 do
    local name, ok, rule = string.match(all[i + 1], " group=(%S+)"), pcall(rule_in, all[i + 1])
    if name and ok and rule then
      found[name] = found[name] or { rule = rule, ids = {} }
      found[name].ids[#found[name].ids + 1] = all[i]
      any = true
    end
  end
  return any and found
end

-- How a deployment did in the minute: its card, how many results, and which part of them were successes.
local function record_of(d)
  local ok = window.open(d.id .. "/ok/60", window.MINUTE).sum
  local all = ok + window.open(d.id .. "/failed/60", window.MINUTE).sum
  return { d = d, results = all, rate = all > 0 and ok / all or 1 }
end

-- The records of those that serve, and how many do not.
local function read(ids)
  local records, out = {}, 0
  for first = 1, #ids, AT_ONCE do
    local part, counters = { unpack(ids, first, math.min(first + AT_ONCE - 1, #ids)) }, {}
    for i = 1, #part do
      counters[2 * i - 1], counters[2 * i] = part[i] .. "/ok/60", part[i] .. "/failed/60"
    end
    image.load("used", counters)
    roster.load_once(part, roster.HEALTH)
    for _, id in ipairs(part) do
      local d = roster.card(id)
      local readable = not deployment.garbled(d)
      if readable and (d.state == "open" or d.state == "half-open") then
        out = out + 1
      elseif readable then
        local ok, record = pcall(record_of, d)
        records[#records + 1] = ok and record or nil
      end
    end
  end
  return records, out
end

-- The success rate below which one is an outlier, nil where there are too few to compare.
local function threshold_of(records, rule)
  local n, sum, squares = 0, 0, 0
  for _, record in ipairs(records) do
    if record.results >= rule.volume then
      n, sum, squares = n + 1, sum + record.rate, squares + record.rate * record.rate
    end
  end
  if n < rule.hosts then
    return nil
  end
  local mean = sum / n
  return mean - rule.factor * math.sqrt(math.max(0, squares / n - mean * mean))
end

local function judge(rule, ids)
  local records, out = read(ids)
  local threshold = threshold_of(records, rule)
  table.sort(records, function(a, b)
    return a.rate < b.rate or (a.rate == b.rate and a.d.id < b.d.id)
  end)
  for _, record in ipairs(threshold and records or {}) do
    local may = out == 0 or 100 * (out + 1) <= rule.percent * #ids
    if record.rate >= threshold - 1e-9 or not may then
      return
    elseif record.results >= rule.volume then
      out = out + 1
      breaker.trip(record.d, "outlier", { base = rule.ms, cap = math.max(rule.ms, LONGEST_MS) }, 0)
    end
  end
end

-- Look at all groups, if it is time.
function outliers.sweep()
  local due = image.get("config", "outliers")
  if not due or clock.now < (numbers.read(due) or 0) then
    return
  end
  local found = groups()
  image.set("config", "outliers", found and numbers.int(clock.now + EVERY_MS))
  local names = {}
  for name in pairs(found or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    judge(found[name].rule, found[name].ids)
  end
end
