-- Writes new texts, if no field has changed. Returns 1 if all new texts were written, 0 if none was written. ARGV: the
-- incarnation that was seen; then three texts for each field that must not have changed: the field, the text that was
-- seen, and the new text. An empty text that was seen means that the field did not exist. If the new text is empty, the
-- field is only compared.

if incarnation(ARGV[1]) ~= ARGV[1] then return 0 end
local new = {}
for at = 2, #ARGV, 3 do
  if (redis.call('HGET', KEYS[1], ARGV[at]) or '') ~= ARGV[at + 1] then return 0 end
  if ARGV[at + 2] ~= '' then
    new[#new + 1] = ARGV[at]
    new[#new + 1] = ARGV[at + 2]
  end
end
-- The texts are written in parts, because Lua passes only some thousands of arguments. After the first write of a
-- script, Redis refuses no other write of it.
for at = 1, #new, 2000 do
  redis.call('HSET', KEYS[1], unpack(new, at, math.min(at + 1999, #new)))
end
return 1
