-- How long the calls of deployments take, by their sketches; writes nothing.
-- Uses: numbers, image, keys, shared, sketch, clock
-- Defines: percentiles
-- Op      "percentiles 50,95,99 age list": ascending percents; ms that an answer may be old; number of a shared string
--         of ids
-- Returns one line for all of them together, then one for each, words by space: how many streams were counted, ms to
--         their first content at each percent, how many whole calls, ms of these; "-" where nothing was counted

local percentiles = {}
-- All workers of a fleet ask the same, again and again: where definitions live on, they get the same answer.
local answers, count = {}, 0
local MOST = 256

function percentiles.parse(op)
  local wanted, age, list = string.match(op, "^percentiles ([%d,]+) (%d+) (%d+)$")
  if not wanted then
    error("MALFORMED percentiles", 0)
  end
  local percents = {}
  for percent in string.gmatch(wanted, "%d+") do
    percents[#percents + 1] = tonumber(percent)
  end
  return { wanted = wanted, percents = percents, age = tonumber(age), list = list }
end

local function words_of(counts, percents)
  local total, found = sketch.quantiles(counts, percents)
  local words = { numbers.int(total) }
  for i = 1, #percents do
    words[i + 1] = found[i] and numbers.num(found[i]) or "-"
  end
  return table.concat(words, " ")
end

local function answer_to(op)
  local ids, firsts, wholes, lines = shared.words(op.list), {}, {}, {}
  local texts = image.load("sketch", ids)
  for i, id in ipairs(ids) do
    firsts[i], wholes[i] = sketch.counts(texts[id])
    lines[i + 1] = words_of(firsts[i], op.percents) .. " " .. words_of(wholes[i], op.percents)
  end
  local first, whole = table.concat(firsts), table.concat(wholes)
  lines[1] = words_of(first, op.percents) .. " " .. words_of(whole, op.percents)
  return table.concat(lines, "\n")
end

function percentiles.run(op)
  local question = keys.sketch .. " " .. op.wanted .. " " .. shared.text(op.list)
  local known = answers[question]
  local age = known and clock.now - known.at_ms
  if age and age >= 0 and age < op.age then
    return known.text
  end
  local text = answer_to(op)
  if not known and count >= MOST then
    answers, count = {}, 0
  end
  answers[question], count = { at_ms = clock.now, text = text }, count + (known and 0 or 1)
  return text
end
