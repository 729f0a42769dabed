local suspended = obj.spec.suspend == true
return {
  ["suspend"] = { ["disabled"] = suspended, ["iconClass"] = "fa fa-fw fa-pause", ["displayName"] = "Suspend" },
  ["resume"] = { ["disabled"] = not suspended, ["iconClass"] = "fa fa-fw fa-play", ["displayName"] = "Resume" },
  ["convert-again"] = { ["disabled"] = suspended, ["iconClass"] = "fa fa-fw fa-sync", ["displayName"] = "Convert again" },
}
