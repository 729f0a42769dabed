"""Reads facts from the objects that the API server shows. Pure."""
