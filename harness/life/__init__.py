"""The child's side of a life: clock put in, requests bridged, network shut, target driven."""
