-- Returns all values of the space and the server: {seconds, microseconds, the server's uptime in seconds, the
-- incarnation, {field, text, ...}}.

local time = redis.call('TIME')
local known = string.match(redis.call('HGET', KEYS[1], 'space') or '', '"incarnation":"(.*)"}$')
local uptime = string.match(redis.call('INFO', 'server'), '\nuptime_in_seconds:(%d+)') or '0'
return { time[1], time[2], uptime, incarnation(known or ''), redis.call('HGETALL', KEYS[1]) }
