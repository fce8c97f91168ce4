-- Does a call fit the context window that a deployment's errors told of?
-- Uses: numbers, image
-- Defines: contexts
-- `context[id]`: lessons.lua

local LEAST = 1024 -- input tokens of a call that is looked at: no window is smaller
local MARGIN = 1.25 -- an estimate may be that much too high: only what surely is too long is refused

-- Is a request of LEAST tokens or more surely too long for this deployment? With the first that is asked about the
-- windows of all its candidates are read. Throws where they cannot be read.
local function too_long(d, request)
  local texts = image.columns.context
  if request.candidates and (not texts or texts[d.id] == nil) then
    texts = image.load("context", request.candidates)
  end
  local known = texts and numbers.read(texts[d.id] or "")
  return known and request.input_tokens > known * MARGIN or false
end

local contexts = { LEAST = LEAST, too_long = too_long }
