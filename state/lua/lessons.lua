-- What calls teach besides latency: the context window of a deployment, and how its tokens follow from estimates.
-- Uses: numbers, image, fit, events
-- Defines: lessons
-- `context[id]` = input tokens that it takes, as its last error said; a longer call that it served takes that back
-- `fit[id]` (fit.lua) by normalized least mean squares: prompts that providers add have 0 to 1,390 tokens, and
-- tokenizers differ by some 30 %.

local SMALLEST_WINDOW = 1024 -- no model takes fewer tokens, so a shorter call proves nothing
local STEP = 0.2 -- how much of an error the newest call corrects, once there were some
local EQUAL = 200 -- estimate at which an error is half the ratio's, half the constant's
local LARGEST = 2000 -- tokens of what a provider adds

local function within(value, least, most)
  return math.max(least, math.min(most, value))
end

-- May this outcome say something of the context window?
local function tells_window(e)
  return (e.used.input or 0) >= SMALLEST_WINDOW and e.kind == "ok"
end

-- What `context` is to be, false to forget it, nil where it stays.
local function plan_context(e, id)
  local told = e.kind == "context_window" and string.match(e.rest, " context=(%d+)")
  if not told and not tells_window(e) then
    return nil
  end
  local known = image.get("context", id)
  if told then
    return told ~= known and told or nil
  elseif known and e.used.input > (numbers.read(known) or 0) then
    return false
  end
  return nil
end

-- The fit after this call, nil where it teaches nothing. Throws GARBLED.
local function plan_fit(e, id)
  local guess, with_tools = string.match(e.rest, " guess=(%d+) tools=(%d)")
  guess = e.kind == "ok" and e.used.input and tonumber(guess)
  if not guess then
    return nil
  end
  local known, most = fit.read(id), math.max(guess, LARGEST)
  local constant = with_tools == "1" and known.tools or known.plain
  local missed = within(e.used.input - known.ratio * guess - constant.value, -most, most)
  constant.count = constant.count + 1
  local step = math.max(STEP, 1 / constant.count) * missed / (guess * guess + EQUAL * EQUAL)
  known.ratio = within(known.ratio + step * guess, 0.25, 4)
  constant.value = within(constant.value + step * EQUAL * EQUAL, -500, LARGEST)
  return known
end

-- May a settle teach anything?
local function any(e)
  return e.rest ~= "" or (e.used.input or 0) >= SMALLEST_WINDOW
end

-- Part of a plan: what this call teaches, its deployment's context window and fit. Throws GARBLED.
local function plan(e, id)
  return plan_context(e, id), plan_fit(e, id)
end

-- Learn it. Returns " ratio plain tools" (fit.lua) for the worker where that is new.
local function commit(id, context, learned)
  if context ~= nil then
    image.set("context", id, context)
    events.add("context", id, context or "unknown")
  end
  if not learned then
    return ""
  end
  fit.write(id, learned)
  return " " .. fit.text(learned)
end

-- Read what settles will need, one command a column. `ids`: of their deployments.
local function load(settles, ids)
  local window, guessed = false, false
  for i = 1, #settles do
    window = window or tells_window(settles[i])
    guessed = guessed or string.find(settles[i].rest, " guess=", 1, true)
  end
  if window then
    image.load("context", ids)
  end
  if guessed then
    image.load("fit", ids)
  end
end

local lessons = { any = any, load = load, plan = plan, commit = commit }
