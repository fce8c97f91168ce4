-- What an operator or a worker reads of the pool; writes nothing.
-- Uses: numbers, image, keys, keyring, shared, window, totals, deployment, in_flight, roster, rows, holders, quotas,
--       clock
-- Defines: snapshot, ids, workers, shadows, diary
-- Op      "snapshot list" (number of a shared string of ids), "ids", "workers", "shadows", "diary count"
-- Returns snapshot: one line a known deployment, fields by tab: id, state, generation, trips, until_ms, reason,
--         inflight, ok,
--         failed, latency_ms, ttft_ms, ms_per_token, tokens, spend_nano, settings, overrides, "limit=used ...",
--         "limit=heard:foreign ..." (what its provider says it is, 0 for nothing; what others use of it), context,
--         "input output" tokens in flight ("- -" where nobody counts them)
--         ids: all deployments, by space. workers: "worker age_ms held ..." then "/" and "group tickets ..." of the run
--         shadows: "group|strategy calls agreed refused ..."
--         diary: the newest events, one a line, fields by tab: stream id, at_ms, kind, deployment, detail

local snapshot, ids, workers, shadows, diary = {}, {}, {}, {}, {}
local BEFORE_NOTES = "(" .. numbers.int(2 ^ 52) -- fair.lua
local COLUMNS = { "overrides", "observed", "context", "tokens_in_flight" }

function snapshot.parse(op)
  return { list = string.match(op, "^snapshot (%d+)$") }
end

local function in_the_minute(id, name)
  return numbers.int(window.open(id .. "/" .. name .. "/60", window.MINUTE).sum)
end

local function known(value)
  return value and numbers.num(value) or "-"
end

local function observed(d)
  local ok, names, heard = pcall(quotas.read, d.id)
  local words = {}
  for _, name in ipairs(ok and names or {}) do
    local row = rows.named(name)
    local foreign = row and row.seconds and quotas.foreign(heard[name], window.open(d.id .. "/" .. name, row)) or 0
    words[#words + 1] = name .. "=" .. numbers.int(quotas.believed(heard[name]) or 0) .. ":" .. numbers.int(foreign)
  end
  return table.concat(words, " ")
end

local function line(d)
  local id, used = d.id, {}
  local tokens, spend_nano = totals.read(id)
  for i, limit in ipairs(deployment.limits(d)) do
    local amount = limit.seconds and holders.window(d, i).sum or d.inflight
    used[i] = limit.name .. "=" .. numbers.int(amount)
  end
  return table.concat({
    id,
    d.state,
    numbers.int(d.generation),
    numbers.int(d.trips),
    numbers.int(d.until_ms),
    d.reason,
    numbers.int(d.inflight),
    in_the_minute(id, "ok"),
    in_the_minute(id, "failed"),
    known(d.latency_ms),
    known(d.ttft_ms),
    known(d.ms_per_token),
    numbers.int(tokens),
    numbers.int(spend_nano),
    d.settings.text,
    image.get("overrides", id) or "",
    table.concat(used, " "),
    observed(d),
    image.get("context", id) or "-",
    in_flight.told(id, "- -"),
  }, "\t")
end

function snapshot.run(op)
  local list, members, counted, lines = shared.words(op.list), {}, {}, {}
  local loaded = roster.load(list, roster.ALL)
  for _, column in ipairs(COLUMNS) do
    image.load(column, list)
  end
  for i, id in ipairs(list) do
    local n = #counted
    counted[n + 1], counted[n + 2] = id .. "/ok/60", id .. "/failed/60"
    counted[n + 3], counted[n + 4] = totals.fields(id)
    if loaded[i].settings and not deployment.garbled(loaded[i]) then
      members[#members + 1] = loaded[i]
    end
  end
  image.load("used", counted)
  holders.load(members)
  for i, id in ipairs(list) do
    local ok, text = false, nil
    if loaded[i].settings and not deployment.garbled(loaded[i]) then
      ok, text = pcall(line, loaded[i])
    end
    if ok then
      lines[#lines + 1] = text
    elseif loaded[i].settings or deployment.garbled(loaded[i]) then
      lines[#lines + 1] = id .. "\tgarbled"
    end
  end
  return table.concat(lines, "\n")
end

function ids.parse()
  return {}
end

function ids.run()
  return table.concat(image.fields("settings"), " ")
end

function workers.parse()
  return {}
end

function workers.run()
  local found = redis.call("ZRANGEBYSCORE", keys.workers, "-inf", "(+inf", "WITHSCORES")
  local words = {}
  for i = 1, #found, 2 do
    local held = redis.call("ZLEXCOUNT", keys.held, "[" .. found[i] .. "|", "(" .. found[i] .. "}")
    words[#words + 1] = found[i] .. " " .. numbers.int(clock.now - tonumber(found[i + 1])) .. " " .. numbers.int(held)
  end
  words[#words + 1] = "/"
  for _, group in ipairs(shared.groups) do
    local tickets = redis.call("ZCOUNT", keyring.waiting(group), "-inf", BEFORE_NOTES)
    words[#words + 1] = group .. " " .. numbers.int(tickets)
  end
  return table.concat(words, " ")
end

function shadows.parse()
  return {}
end

function shadows.run()
  local found, words = redis.call("HGETALL", keys.shadow), {}
  for i = 1, #found, 2 do
    if string.find(found[i + 1], "^%d+ %d+ %d+$") then
      words[#words + 1] = found[i] .. " " .. found[i + 1]
    end
  end
  return table.concat(words, " ")
end

function diary.parse(op)
  return { count = string.match(op, "^diary (%d+)$") }
end

function diary.run(op)
  local lines = {}
  for i, entry in ipairs(redis.call("XREVRANGE", keys.events, "+", "-", "COUNT", op.count)) do
    local fields = {}
    for j = 1, #entry[2], 2 do
      fields[entry[2][j]] = entry[2][j + 1]
    end
    lines[i] = table.concat({ entry[1], fields.at_ms, fields.kind, fields.deployment, fields.detail }, "\t")
  end
  return table.concat(lines, "\n")
end
