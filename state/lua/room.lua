-- Is there room for a request at a deployment, in every limit at once?
-- Uses: numbers, image, window, deployment
-- Defines: room
-- A request has input_tokens and output_tokens (estimates). Resources: requests, tokens, input, output, concurrent.
-- `hold` (of a deployment, of a window) is room kept for waiting calls within this run: seen by every check, never
-- stored.

-- What a request takes of a limit; nil if it can never fit there. An output that does not fit takes all of the limit.
local function need(limit, request)
  local resource = limit.resource
  if limit.counts then
    return 1
  elseif resource == "output" then
    return math.min(request.output_tokens, limit.amount)
  elseif request.input_tokens > limit.amount then
    return nil
  elseif resource == "input" then
    return request.input_tokens
  end
  return math.min(request.input_tokens + request.output_tokens, limit.amount)
end

-- Deployments of the same settings share their limits, so mostly it is one answer for all candidates of a request.
local amounts, of_limits, of_request

-- What a request takes of each limit, by position; false where it can never fit in one of them.
local function needs(limits, request)
  if of_limits ~= limits or of_request ~= request then
    of_limits, of_request, amounts = limits, request, {}
    for i = 1, #limits do
      local amount = need(limits[i], request)
      if not amount then
        amounts = false
        break
      end
      amounts[i] = amount
    end
  end
  return amounts
end

-- The window of a deployment's limit `i`. Throws GARBLED.
local function window_of(d, i)
  local limit = deployment.limits(d)[i]
  local w = d.windows[i]
  if not w then
    w = window.open(d.id .. "/" .. limit.name, limit.seconds)
    d.windows[i] = w
  end
  return w
end

-- Has it as many calls in flight as it may? Returns the name of that limit. Throws GARBLED.
local function busy(d)
  local limits = deployment.limits(d)
  for i = 1, #limits do
    local limit = limits[i]
    if not limit.seconds and d.inflight + (d.hold or 0) + 1 > limit.amount then
      return limit.name
    end
  end
  return nil
end

-- Load the sums of all windows of these deployments, in one command.
local function load(list)
  local ids = {}
  for i = 1, #list do
    local d = list[i]
    local limits = deployment.limits(d)
    for j = 1, #limits do
      if limits[j].seconds and not d.windows[j] then
        ids[#ids + 1] = d.id .. "/" .. limits[j].name
      end
    end
  end
  if #ids > 0 then
    image.load("used", ids)
  end
end

-- The slots {window, oldest slot, ...} of those windows that are full for this request. Garbage is left to `admit`.
local function slots_of_full(list, request)
  local slots = {}
  for i = 1, #list do
    local d, limits = list[i], list[i].settings.limits
    local wanted = needs(limits, request)
    for j = 1, wanted and #limits or 0 do
      if limits[j].seconds and (d.windows[j] or pcall(window_of, d, j)) then
        local w = d.windows[j]
        if w.sum + wanted[j] + w.hold > limits[j].amount then
          slots[#slots + 1] = w
          slots[#slots + 1] = w.oldest
        end
      end
    end
  end
  return slots
end

-- Load what is asked where many may be full, in two commands. Of those that are busy nobody asks.
local function load_full(list, request)
  local free = {}
  for i = 1, #list do
    if not busy(list[i]) then
      free[#free + 1] = list[i]
    end
  end
  load(free)
  window.read(slots_of_full(free, request))
end

-- Read the slots that `take` adds to, in one command. Throws GARBLED.
local function plan(d, limits)
  local slots = {}
  for i = 1, #limits do
    if limits[i].seconds then
      local w = d.windows[i]
      slots[#slots + 1] = w
      slots[#slots + 1] = w.newest
    end
  end
  window.prepare(slots)
end

-- Part of the plan of a grant: nil if there is room, and then `take` cannot fail; else the reason: "too_large" or the
-- name of the limit that is full. Throws GARBLED.
local function admit(d, request)
  local limits, planned = deployment.limits(d), true
  local wanted = needs(limits, request)
  local full = not wanted and "too_large" or busy(d)
  if full then
    return full
  end
  for i = 1, #limits do
    if limits[i].seconds then
      local w = d.windows[i] or window_of(d, i)
      if not window.fits(w, wanted[i], limits[i].amount) then
        return limits[i].name
      end
      planned = planned and w.entry
    end
  end
  if not planned then
    plan(d, limits)
  end
  return nil
end

-- Reserve in every limit; returns " name=amount ..." for the lease. Only after `admit`.
local function take(d, request)
  local reserved, limits = "", d.settings.limits
  local wanted = needs(limits, request)
  for i = 1, #limits do
    local limit = limits[i]
    if limit.seconds then
      window.add(d.windows[i], wanted[i])
      reserved = reserved .. " " .. limit.name .. "=" .. numbers.int(wanted[i])
    end
  end
  return reserved
end

local room = { needs = needs, window_of = window_of, load = load, load_full = load_full, admit = admit, take = take }
