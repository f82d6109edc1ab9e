-- wrk's script: requests from a file, in random order, each ready as bytes. Prints one line of JSON at the end.
local requests, next_one = {}, 0

function init(args)
  for block in io.open(args[1], "rb"):read("*a"):gmatch("(.-)%z") do requests[#requests + 1] = block end
  math.randomseed(tonumber(args[2]))
  next_one = math.random(#requests)
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"micros":%d,"bytes":%d,"p50":%d,"p90":%d,"p99":%d,"max":%d,"bad":%d,"broken":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
