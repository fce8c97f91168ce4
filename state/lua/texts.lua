-- What the texts of a deployment's columns mean.
-- Uses: numbers, memo
-- Defines: texts
-- `settings[id]` = "[drained ]weight=1 order=0 in=- out=- group=g provider=p account=a | requests/60=600 concurrent=10"
-- `learned[id]`  = "latency_ms ttft_ms ms_per_token sampled_ms streamed_ms" (learn.lua); "-" for what is not known

local MEASURES = { "latency_ms", "ttft_ms", "ms_per_token", "sampled_ms", "streamed_ms" }

-- Limits as they stand in the settings: list of {name, resource, counts (calls, not tokens), seconds (nil: no window),
-- amount}; false for garbage.
local function limits_in(text)
  local limits = {}
  for word in string.gmatch(text, "%S+") do
    local name, resource, seconds, amount = string.match(word, "^((%a+)/?(%d*))=(.+)$")
    amount = amount and numbers.read(amount)
    if not amount then
      return false
    end
    local counts = resource == "requests" or resource == "concurrent"
    limits[#limits + 1] =
      { name = name, resource = resource, counts = counts, seconds = tonumber(seconds), amount = amount }
  end
  return limits
end

-- What the settings say; false for garbage. A text that was cut short must not pass for one without limits.
local settings_in = memo(4096, function(text)
  local drained, weight, order = string.match(text, "^(d?r?a?i?n?e?d? ?)weight=(%S+) order=(%S+)")
  local input, output = string.match(text, " in=(%S+) out=(%S+)")
  local listed = string.match(text, "|(.*)$")
  local limits = listed and limits_in(listed)
  weight, order = weight and numbers.read(weight), order and numbers.read(order)
  return weight
    and order
    and limits
    and {
      text = text,
      discovers = string.find(text, " discover=1 ", 1, true) ~= nil,
      drained = drained ~= "",
      weight = weight,
      order = order,
      limits = limits,
      input_price = tonumber(input),
      output_price = tonumber(output),
    }
end)

-- The five measures, nil for what is not known; false for garbage.
local learned_in = memo(4096, function(text)
  local learned, i = {}, 0
  for word in string.gmatch(text, "%S+") do
    i = i + 1
    local value = word ~= "-" and numbers.read(word)
    if value == nil or not MEASURES[i] then
      return false
    end
    learned[MEASURES[i]] = value or nil
  end
  return i == #MEASURES and learned
end)

local texts = { settings = settings_in, learned = learned_in }
