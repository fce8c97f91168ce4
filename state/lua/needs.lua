-- What a request takes of limits.
-- Uses:
-- Defines: needs
-- A request has input_tokens and output_tokens (estimates), and max_input and max_output where a limit reserves those.

local max = math.max
local MILLION = 1000000 -- prices are of so many tokens

-- Nano-dollars at the prices of a deployment, each call rounded up; nil where a price is not known.
local function cost(settings, input, output)
  local input_price, output_price = settings.input_price, settings.output_price
  if (not input_price and input > 0) or (not output_price and output > 0) then
    return nil
  end
  return math.ceil((input * (input_price or 0) + output * (output_price or 0)) / MILLION)
end

-- What it takes of a resource: the least, and all of it; nil for money without a price.
local function amounts_of(row, request, settings)
  local input, output, resource = request.input_tokens, request.output_tokens, row.resource
  if row.max then
    input, output = max(input, request.max_input or 0), max(output, request.max_output or 0)
  end
  if resource == "tokens" then
    return input, input + output
  elseif resource == "input" then
    return input, input
  elseif resource == "output" then
    return 0, output
  end
  return cost(settings, input, 0), cost(settings, input, output)
end

-- What a request takes of a row; nil if it can never fit there, and "unpriced" if that is why. An output that does not
-- fit takes all of the row, unless an upper bound is to be reserved.
local function need(row, request, settings)
  if row.counts then
    return (row.amount >= 1 or row.shadow) and 1 or nil
  end
  local least, all = amounts_of(row, request, settings)
  if not all then
    return row.shadow and 0 or nil, "unpriced"
  elseif row.shadow then
    return all
  elseif (row.max and all or least) > row.amount then
    return nil
  end
  return all < row.amount and all or row.amount
end

local function all_needs(limits, request, settings)
  local amounts, varying = limits.amounts, limits.varying
  for j = 1, #varying do
    local i = varying[j]
    local amount, why = need(limits[i], request, settings)
    if not amount then
      limits.asked_row, limits.asked_why = i, why
      return false
    end
    amounts[i] = amount
  end
  return amounts
end

-- What a request takes of each row of a list, by position, at a deployment of such settings; false where it can never
-- fit: then `limits.asked_row` is the position of that row, `limits.asked_why` perhaps "unpriced". Mostly candidates
-- share their lists, so the last answer is kept with each: until the next request asks.
local function needs(limits, request, settings)
  local fixed = limits.fixed
  if fixed then
    return fixed
  elseif limits.asked_for ~= request or (limits.priced and limits.asked_of ~= settings) then
    limits.asked_for, limits.asked_of = request, settings
    limits.asked = all_needs(limits, request, settings)
  end
  return limits.asked
end
