-- The beginning of every script. KEYS[1] is the key of the space. Its value is a hash of JSON texts: the field `space`,
-- and one field for each worker.
--
-- Lua's numbers are exact only up to 2^53, so stored numbers are handled as texts of digits. Records are not decoded by
-- cjson, because cjson keeps only 14 digits. Arithmetic is done only with the clock, which reaches 2^53 milliseconds in
-- the year 287396.

local replication = redis.call('INFO', 'replication')
local run = string.match(redis.call('INFO', 'server'), '\nrun_id:(%x+)')

if string.match(replication, '\nrole:([%a-]+)') ~= 'master' then
  return redis.error_reply('READONLY the server is a replica, and writes to it would be lost')
end
if not run then
  return redis.error_reply('ERR the server reports no run_id, so a loss of its data could not be noticed')
end
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then
  return redis.error_reply('WRONGTYPE the key is a ' .. kind .. ', not a hash')
end

-- Returns the incarnation: the ID of the server's run and, if the server was a replica, the ID of its last promotion,
-- because it may have come back with the data of another server. A server that has had no replica for an hour forgets
-- its promotion. In that case, returns the stored incarnation `known`, if `known` is of the same run.
local function incarnation(known)
  local former = string.match(replication, '\nmaster_replid2:(%x+)') or ''
  if not string.find(former, '[^0]') then
    return string.sub(known, 1, #run + 1) == run .. '-' and known or run
  end
  return run .. '-' .. (string.match(replication, '\nmaster_replid:(%x+)') or '')
end

-- Returns whether the number `a` is less than the number `b`. Both are texts of digits.
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function digits(number)
  return string.format('%.0f', number)
end

-- Returns the fields of a record: three numbers as texts of digits, and two values as JSON. Returns nothing if the
-- record is not in the form that the Rust code writes.
local function fields(record)
  local from, till, counter, token, owner =
    string.match(record or '', '^{"from":(%d+),"until":(%d+),"counter":(%d+),"token":(.-),"owner":(".*")}$')
  if from and not less(till, from) then return from, till, counter, token, owner end
end

local function write(worker, from, till, counter, token, owner)
  local record = '{"from":' .. from .. ',"until":' .. till .. ',"counter":' .. counter .. ',"token":' .. token
  redis.call('HSET', KEYS[1], worker, record .. ',"owner":' .. owner .. '}')
end

