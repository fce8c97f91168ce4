-- Who holds the limits that a request meets: the deployment itself, whom it belongs to, and whom the request names.
-- Uses: numbers, image, window, deployment, subjects, clock
-- Defines: holders
-- A holder is a deployment or a card of subjects.lua: {id, windows (by position), inflight, hold}.

local last, last_d, last_request

local function begin()
  last_d, last_request = nil, nil
end

-- Its rows. Throws GARBLED.
local function limits_of(h)
  return h.limits or deployment.limits(h)
end

-- The window of its row `i`. Throws GARBLED.
local function window_of(h, i)
  local w = h.windows[i]
  if not w then
    local row = limits_of(h)[i]
    w = h.limits and subjects.window_of(h, i) or window.open(h.id .. "/" .. row.name, row)
    h.windows[i] = w
  elseif clock.now >= w.until_ms then
    window.renew(w)
  end
  return w
end

-- All of them, the deployment first. Throws GARBLED.
local function of(d, request)
  if not clock.scopes then
    return { d }
  elseif last_d ~= d or last_request ~= request then
    local list = { d }
    for _, s in ipairs(subjects.of_deployment(d)) do
      list[#list + 1] = s
    end
    for _, s in ipairs(subjects.of_request(request)) do
      list[#list + 1] = s
    end
    last, last_d, last_request = list, d, request
  end
  return last
end

-- Add the ids of the windows of a holder that were not opened to a list, nil for none.
local function add_ids(h, limits, ids)
  for i = 1, #limits do
    if limits[i].seconds and not h.windows[i] then
      ids = ids or {}
      ids[#ids + 1] = h.id .. "/" .. limits[i].name
    end
  end
  return ids
end

-- The windows of a column of its own.
local function load_column(s)
  local fields = {}
  for i = 1, #s.limits do
    local row = s.limits[i]
    if row.seconds then
      fields[#fields + 1] = row.name
    end
  end
  if #fields > 0 then
    pcall(image.load, s.column, fields) -- a broken one is the error of its own calls
  end
end

local function load_subject(s, ids)
  if s.loaded then
    return ids
  end
  s.loaded = true
  if s.column then
    load_column(s)
    return ids
  end
  return add_ids(s, s.limits, ids)
end

-- The same of subjects, each once; garbage is left to those who ask for it.
local function load_subjects(find, whose, ids)
  local ok, list = pcall(find, whose)
  for i = 1, ok and #list or 0 do
    ids = load_subject(list[i], ids)
  end
  return ids
end

local function add_all(d, request, ids)
  ids = add_ids(d, deployment.limits(d), ids)
  if clock.scopes then
    ids = load_subjects(subjects.of_deployment, d, ids)
    ids = request and load_subjects(subjects.of_request, request, ids) or ids
  end
  return ids
end

-- Load the sums of all windows that a request meets at a deployment, one command a column.
local function load_one(d, request)
  local ids = add_all(d, request, nil)
  if ids then
    image.load("used", ids)
  end
end

-- The same at these deployments; without a request those of the deployments and whom they belong to.
local function load(list, request)
  local ids
  for i = 1, #list do
    ids = add_all(list[i], request, ids)
  end
  if ids then
    image.load("used", ids)
  end
end

-- How a refusal names its row `i`; of money it says how much there is, and how much is used. Throws GARBLED.
local function label(h, i)
  local row = limits_of(h)[i]
  local name = h.limits and h.id .. "/" .. row.name or row.name
  if row.resource ~= "cost" then
    return name
  end
  return name .. "=" .. numbers.int(row.amount) .. ":" .. numbers.int(window_of(h, i).sum)
end

-- Where it is counted how often row `i` would have refused a call: column and field.
local function exceeded(h, i)
  local name = limits_of(h)[i].name
  return h.column or "used", (h.column and name or h.id .. "/" .. name) .. ":exceeded"
end

local holders = {
  begin = begin,
  limits = limits_of,
  window = window_of,
  of = of,
  load = load,
  load_one = load_one,
  label = label,
  exceeded = exceeded,
}
