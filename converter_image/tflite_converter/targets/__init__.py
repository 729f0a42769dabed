"""The devices that an artifact is for: what of it runs there, and whether that is what was asked."""
