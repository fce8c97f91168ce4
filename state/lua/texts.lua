-- What the text of a deployment's settings means.
-- Uses: numbers, memo, rows
-- Defines: texts
-- `settings[id]` = "[drained ]weight=1 order=0 in=- out=- group=g provider=p account=a[ ramp=ms][ panic=0.5]
--                  [ outliers=stdev_factor,hosts,volume,percent,ms] | requests/60=600 concurrent=10"

-- Whom it belongs to, as subjects.lua names them.
local function subjects_of(group, provider, account)
  return { group = "group:" .. group, provider = "provider:" .. provider, account = "account:" .. account }
end

-- What the settings say; false for garbage. A text that was cut short must not pass for one without limits.
local settings_in = memo(4096, function(text)
  local drained, weight, order = string.match(text, "^(d?r?a?i?n?e?d? ?)weight=(%S+) order=(%S+)")
  local input, output = string.match(text, " in=(%S+) out=(%S+)")
  local listed = string.match(text, "|(.*)$")
  local limits = listed and rows.read(listed)
  local group, provider, account = string.match(text, " group=(%S+) provider=(%S+) account=(%S+)")
  weight, order = weight and numbers.read(weight), order and numbers.read(order)
  return weight
    and order
    and limits
    and {
      text = text,
      panic = tonumber(string.match(text, " panic=(%S+)") or nil),
      discovers = string.find(text, " discover=1 ", 1, true) ~= nil,
      drained = drained ~= "",
      weight = math.max(0, weight),
      order = order,
      limits = limits,
      input_price = tonumber(input),
      output_price = tonumber(output),
      subjects = group and subjects_of(group, provider, account),
    }
end)

local texts = { settings = settings_in }
