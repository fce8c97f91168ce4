-- The script of workers and operators: everything but calls, in the order given.
-- Uses: shared, keys, clock, run, heartbeat, reconcile, join, leave, register, limits, calendars, control, snapshot,
--       ids, percentiles, workers, shadows, diary, meters, named, reserved, fits, probing, probed, probes, silence
-- Defines: fleet
-- KEYS     the columns in keyring.lua's order, then one waiting key for each group of the header
-- ARGV     header, number of shared strings, those, then one string an operation
-- Returns  as run.lua says

local verbs = {
  heartbeat = heartbeat,
  reconcile = reconcile,
  join = join,
  leave = leave,
  register = register,
  limits = limits,
  calendars = calendars,
  control = control,
  snapshot = snapshot,
  percentiles = percentiles,
  ids = ids,
  workers = workers,
  shadows = shadows,
  diary = diary,
  meters = meters,
  named = named,
  reserved = reserved,
  fits = fits,
  probing = probing,
  probed = probed,
  probes = probes,
  silence = silence,
}

local NO_LEASES = { clock.WRITES }

local function fleet(given_keys, args)
  local operations, named = run.begin(given_keys, args, verbs)
  clock.begin(NO_LEASES)
  for i = 1, #operations do
    run.attempt(operations[i], verbs[named[i]].run)
  end
  return run.finish(redis.call("ZSCORE", keys.workers, shared.worker))
end
