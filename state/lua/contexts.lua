-- Does a call fit the context window that a deployment's errors told of?
-- Uses: numbers, image
-- Defines: contexts
-- `context[id]`: lessons.lua

local LEAST = 1024 -- input tokens of a call that is looked at: no window is smaller
local MARGIN = 1.25 -- an estimate may be that much too high: only what surely is too long is refused

-- Read the windows of the candidates of long calls. `entries`: as of run.parse.
local function load(entries)
  local last
  for i = 1, #entries do
    local request = entries[i]
    if request.input_tokens >= LEAST and request.candidates ~= last and request.candidates[1] then
      image.load("context", request.candidates)
      last = request.candidates
    end
  end
end

-- Is a request of LEAST tokens or more surely too long for this deployment?
local function too_long(d, request)
  local texts = image.columns.context
  local known = texts and numbers.read(texts[d.id] or "")
  return known and request.input_tokens > known * MARGIN or false
end

local contexts = { LEAST = LEAST, load = load, too_long = too_long }
