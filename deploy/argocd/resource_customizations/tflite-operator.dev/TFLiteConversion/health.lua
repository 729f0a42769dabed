-- What the conditions say counts for the generation that they speak of, never for a later one.
local hs = { status = "Progressing", message = "Waiting for the operator to look at this generation" }
local status, generation = obj.status or {}, obj.metadata.generation
local current = {}
if status.observedGeneration == generation then
  for _, condition in ipairs(status.conditions or {}) do
    if condition.observedGeneration == generation then
      current[condition.type] = condition
    end
  end
end
local ready, stalled = current.Ready, current.Stalled
if ready ~= nil then
  hs.message = ready.message
end

local requested = (obj.metadata.annotations or {})["tflite-operator.dev/requestedAt"]
if obj.spec.suspend == true then
  hs.status = "Suspended"
  if ready == nil then
    hs.message = "The conversion is suspended"
  end
elseif stalled ~= nil and stalled.status == "True" then
  hs.status = "Degraded"
elseif ready ~= nil and ready.status == "True" then
  if requested ~= nil and requested ~= status.lastHandledRequest then
    hs.message = "One more run was asked for at " .. requested
  else
    hs.status = "Healthy"
  end
end
return hs
