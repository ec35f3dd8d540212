-- `rules::renew`: {seconds, microseconds, from, until, the space's workers}, or nothing where that says no.
-- ARGV: worker, layout, epoch, tick length, the first tick too many, how far windows reach, token, counter, the next
-- counter, where the window begins, where it ends, time to live. Times are ticks, but for the epoch and the tick's
-- length in milliseconds.

local worker, layout, epoch, length, last, reach, token, counter, next_counter, begin, fence, ttl = unpack(ARGV)
local found = redis.call('HMGET', KEYS[1], 'space', worker)
local version, of_layout, workers, floor, known = string.match(
  found[1] or '',
  '^{"version":(%d+),"layout":(".-"),"workers":(%d+),"granted":%d+,"floor":(%d+),"incarnation":"(.*)"}$'
)
local from, till, of_counter, of_token, owner = fields(found[2])
if not of_layout or not from then return false end

local time = redis.call('TIME')
local millis = time[1] * 1000 + math.floor(time[2] / 1000)
local now = math.floor((millis - epoch) / length)

local is_in_layout = millis >= tonumber(epoch) and less(digits(now), last)
local is_whole = of_layout == layout and version ~= '0' and known == incarnation(known)
local is_his = of_token == token and of_counter == counter and from == begin
local is_sound = not less(from, floor) and not less(till, fence)
if not (is_in_layout and is_whole and is_his and is_sound) then return false end
if less(digits(now + reach), till) then return false end

local wanted = digits(now + ttl)
if less(last, wanted) then wanted = last end
if less(till, wanted) then till = wanted end
write(worker, from, till, next_counter, token, owner)
return { time[1], time[2], from, till, workers }
