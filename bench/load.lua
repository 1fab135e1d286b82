-- What wrk sends, and what it heard: see bench/load.py, which gives the arguments and reads the last line.
-- Arguments: path of the body with the marks @id@ and @shop@, prefix of ids, shops, size of a batch (0: one by one),
-- whether requests carry an Idempotency-Key (1), the text that a good answer holds, once for each of a batch.

local threads = {}
local number = 0
good, refused, odd, sample = 0, 0, 0, ""

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "r"))
  body = file:read("*a")
  file:close()
  prefix, shops, batch, keyed, expected = args[2], tonumber(args[3]), tonumber(args[4]), args[5] == "1", args[6]
end

local function filled()
  number = number + 1
  local id = prefix .. number
  local text = body:gsub("@id@", id):gsub("@shop@", tostring(number % shops))
  return text, id
end

function request()
  if batch == 0 then
    local text, id = filled()
    if keyed then wrk.headers["Idempotency-Key"] = id end
    return wrk.format("POST", nil, nil, text)
  end
  local texts = {}
  for place = 1, batch do texts[place] = filled() end
  return wrk.format("POST", nil, nil, "[" .. table.concat(texts, ",") .. "]")
end

local function remember(status, answer)
  if sample == "" then sample = status .. " " .. answer:sub(1, 300):gsub("[^%w%p ]", " ") end
end

function response(status, headers, answer)
  local wanted = batch == 0 and 1 or batch
  if status < 200 or status > 299 then
    refused = refused + 1
    remember(status, answer)
    return
  end
  local _, found = answer:gsub(expected, "")
  found = math.min(found, wanted)
  good = good + found
  odd = odd + wanted - found
  if found < wanted then remember(status, answer) end
end

function done(summary, latency, requests)
  local thread, errors = threads[1], summary.errors
  io.write(string.format(
    "heard: %d %d %d %d %d %d %d %s\n",
    thread:get("good"), thread:get("refused"), thread:get("odd"),
    errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99), thread:get("sample")
  ))
end
