/**
 * The feed is one sorted set: score = a sequence number, member = `<number>:<random text>:<kind>:<subject>`. A Redis that
 * lost its memory, or its last writes, gives the same numbers out again, and may do so to the same subjects: by its
 * random text no member can be mistaken for one of before. A feed begins with a genesis.
 */
export const feedKeys = ["changes", "changes:number"];

/**
 * Since a known member: everything after it. The known member itself is the witness that nothing between was lost;
 * without it (trimmed, flushed, failed over) the answer is `reset` and the newest member, the new starting point.
 * ARGV: 1 number of the known member or 0, 2 the known member, 3 a random text.
 */
export const readFeed = `
local known = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf')
if known[1] and known[1] == ARGV[2] then return known end
local newest = redis.call('ZRANGE', KEYS[1], -1, -1)
if not newest[1] then
  local number = redis.call('INCR', KEYS[2])
  newest[1] = number .. ':' .. ARGV[3] .. ':genesis:'
  redis.call('ZADD', KEYS[1], number, newest[1])
end
return { 'reset', newest[1] }
`;

/**
 * Appends changes and keeps the newest ARGV[1] members. Needs a genesis first, or a flushed Redis would start a
 * feed that looks like a continued one. Beside them it sets KEYS[3…], `revoked:…` for whoever reads Redis himself: told
 * again in any order, a key keeps the latest time. ARGV: 1 members kept, 2 a random text, then for each of KEYS[3…]
 * its issued-before and its life in milliseconds, then the members' texts.
 */
export const appendToFeed = `
if redis.call('ZCARD', KEYS[1]) == 0 then
  local number = redis.call('INCR', KEYS[2])
  redis.call('ZADD', KEYS[1], number, number .. ':' .. ARGV[2] .. ':genesis:')
end
local at = 3
for i = 3, #KEYS do
  local known = tonumber(redis.call('GET', KEYS[i]) or '0') or 0
  if tonumber(ARGV[at]) >= known then redis.call('SET', KEYS[i], ARGV[at], 'PX', ARGV[at + 1]) end
  at = at + 2
end
local number = 0
for i = at, #ARGV do
  number = redis.call('INCR', KEYS[2])
  redis.call('ZADD', KEYS[1], number, number .. ':' .. ARGV[2] .. ':' .. ARGV[i])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[1]) + 1))
return number
`;
