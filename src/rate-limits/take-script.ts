import { slicesPerWindow } from "./slices.ts";

/**
 * All or nothing over several limits in one atomic step. KEYS: a hash per limit, slice number → permits taken.
 * ARGV: 1 now in milliseconds, then per limit: permits, window in milliseconds, cost.
 * Answers { granted, then per limit: used before, milliseconds until the cost is free, milliseconds until all is }.
 */
export const takeScript = `
local now = tonumber(ARGV[1])
local granted = 1
local answer = { 1 }
for i = 1, #KEYS do
  local permits = tonumber(ARGV[i * 3 - 1])
  local window = tonumber(ARGV[i * 3])
  local cost = tonumber(ARGV[i * 3 + 1])
  local width = window / ${slicesPerWindow}
  local oldest = math.floor(now / width) - ${slicesPerWindow}
  local flat = redis.call('HGETALL', KEYS[i])
  local live = {}
  local used = 0
  for j = 1, #flat, 2 do
    local slice = tonumber(flat[j])
    if slice < oldest then
      redis.call('HDEL', KEYS[i], flat[j])
    else
      local count = tonumber(flat[j + 1])
      live[#live + 1] = { slice, count }
      used = used + count
    end
  end
  table.sort(live, function(a, b) return a[1] < b[1] end)
  local wanted = math.min(cost, permits)
  local left = used
  local freeAt = now
  local emptyAt = now
  for j = 1, #live do
    local endsAt = (live[j][1] + ${slicesPerWindow + 1}) * width
    if left + wanted > permits then
      left = left - live[j][2]
      freeAt = endsAt
    end
    emptyAt = endsAt
  end
  if used + cost > permits then granted = 0 end
  answer[#answer + 1] = used
  answer[#answer + 1] = math.ceil(freeAt - now)
  answer[#answer + 1] = math.ceil(emptyAt - now)
end
answer[1] = granted
if granted == 1 then
  for i = 1, #KEYS do
    local window = tonumber(ARGV[i * 3])
    local cost = tonumber(ARGV[i * 3 + 1])
    local width = window / ${slicesPerWindow}
    if cost > 0 then
      redis.call('HINCRBY', KEYS[i], string.format('%.0f', math.floor(now / width)), cost)
      redis.call('PEXPIRE', KEYS[i], string.format('%.0f', math.ceil(window + 2 * width)))
    end
  end
end
return answer
`;

/**
 * Undoes a take in one atomic step, in the very slices that counted it; a slice that has left its window stays gone, and
 * none falls below nothing. ARGV: 1 the time of the take in milliseconds, then per limit: window in milliseconds, cost.
 */
export const giveBackScript = `
local at = tonumber(ARGV[1])
for i = 1, #KEYS do
  local width = tonumber(ARGV[i * 2]) / ${slicesPerWindow}
  local cost = tonumber(ARGV[i * 2 + 1])
  local slice = string.format('%.0f', math.floor(at / width))
  local count = tonumber(redis.call('HGET', KEYS[i], slice))
  if count and count > cost then
    redis.call('HINCRBY', KEYS[i], slice, -cost)
  elseif count then
    redis.call('HDEL', KEYS[i], slice)
  end
end
return 1
`;
