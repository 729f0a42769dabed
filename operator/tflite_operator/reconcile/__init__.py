"""Brings a conversion one step further: read, decide, act."""
