-- Is there room for a request at a deployment, in every limit at once?
-- Uses: numbers, image, window, deployment
-- Defines: room
-- A request has input_tokens and output_tokens (estimates). Resources: requests, tokens, input, output, concurrent.
-- `hold` (of a deployment, of a window) is room kept for waiting calls within this run: seen by every check, never
-- stored.

-- What a request takes of a limit; nil if it can never fit there. An output that does not fit takes all of the limit.
local function need(limit, request)
  local resource = limit.resource
  if resource == "requests" or resource == "concurrent" then
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

-- The window of a deployment's limit `i`. Throws GARBLED.
local function window_of(d, i)
  local w = d.windows[i]
  if not w then
    local limit = d.limits[i]
    w = window.open(d.id .. "/" .. limit.name, limit.seconds)
    d.windows[i] = w
  end
  return w
end

-- Deployments of `list` whose windows were not opened yet, and the ids of those windows. A garbled one is left to
-- `check`.
local function unopened(list)
  local new, ids = {}, {}
  for i = 1, #list do
    local d = list[i]
    if not d.limits and pcall(deployment.limits, d) then
      new[#new + 1] = d
      for j = 1, #d.limits do
        if d.limits[j].seconds then
          ids[#ids + 1] = d.id .. "/" .. d.limits[j].name
        end
      end
    end
  end
  return new, ids
end

-- Load what `check` and `take` read, for all deployments of `list`, in two commands; what refusals read too, if so
-- wanted.
local function load(list, refusals)
  local new, ids = unopened(list)
  if #ids == 0 then
    return
  end
  image.load("used", ids)
  local slots = {}
  for i = 1, #new do
    local d = new[i]
    for j = 1, #d.limits do
      if d.limits[j].seconds and pcall(window_of, d, j) then
        local w = d.windows[j]
        slots[#slots + 1] = w
        slots[#slots + 1] = w.newest
        if refusals and w.oldest < w.newest then
          slots[#slots + 1] = w
          slots[#slots + 1] = w.oldest
        end
      end
    end
  end
  window.read(slots)
end

-- nil if there is room, else the reason: "too_large" or the name of the limit that is full. Throws GARBLED.
local function check(d, request)
  local limits = deployment.limits(d)
  for i = 1, #limits do
    local limit = limits[i]
    local amount = need(limit, request)
    if not amount then
      return "too_large"
    elseif limit.seconds then
      local w = window_of(d, i)
      window.slot_of(w, w.newest)
      if not window.fits(w, amount, limit.amount) then
        return limit.name
      end
    elseif d.inflight + (d.hold or 0) + amount > limit.amount then
      return limit.name
    end
  end
  return nil
end

-- Reserve in every limit; returns " name=amount ..." for the lease. Only after `check`.
local function take(d, request)
  local reserved = ""
  for i = 1, #d.limits do
    local limit = d.limits[i]
    if limit.seconds then
      local amount = need(limit, request)
      window.add(d.windows[i], amount)
      reserved = reserved .. " " .. limit.name .. "=" .. numbers.int(amount)
    end
  end
  return reserved
end

local room = { need = need, window_of = window_of, load = load, check = check, take = take }
