/**
 * The feed is one sorted set: score = a sequence number, member = `<number>:<kind>:<subject>`. Its first member is a
 * genesis with a random part, so that a Redis which lost its memory can never be mistaken for the old one.
 */
export const feedKeys = ["changes", "changes:number"];

/**
 * Since a known member: everything after it. The known member itself is the witness that nothing between was lost;
 * without it (trimmed, flushed, failed over) the answer is `reset` and the newest member, the new starting point.
 * ARGV: 1 number of the known member or 0, 2 the known member, 3 a random text for a genesis.
 */
export const readFeed = `
local known = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf')
if known[1] and known[1] == ARGV[2] then return known end
local newest = redis.call('ZRANGE', KEYS[1], -1, -1)
if not newest[1] then
  local number = redis.call('INCR', KEYS[2])
  newest[1] = number .. ':genesis:' .. ARGV[3]
  redis.call('ZADD', KEYS[1], number, newest[1])
end
return { 'reset', newest[1] }
`;

/**
 * Appends changes and keeps the newest ARGV[1] members. Needs a genesis first, or a flushed Redis would start a
 * feed that looks like a continued one. ARGV: 1 members kept, 2 a random text, 3… `kind:subject`.
 */
export const appendToFeed = `
if redis.call('ZCARD', KEYS[1]) == 0 then
  local number = redis.call('INCR', KEYS[2])
  redis.call('ZADD', KEYS[1], number, number .. ':genesis:' .. ARGV[2])
end
local number = 0
for i = 3, #ARGV do
  number = redis.call('INCR', KEYS[2])
  redis.call('ZADD', KEYS[1], number, number .. ':' .. ARGV[i])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[1]) + 1))
return number
`;
