"""The main job on a real model, end to end, shown to a person."""
