-- Everything: {seconds, microseconds, what serves, {field, text, ...}}.

local time = redis.call('TIME')
local known = string.match(redis.call('HGET', KEYS[1], 'space') or '', '"incarnation":"(.*)"}$')
return { time[1], time[2], incarnation(known or ''), redis.call('HGETALL', KEYS[1]) }
