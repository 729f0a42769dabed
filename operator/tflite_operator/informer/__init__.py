"""Keeps Jobs and pods in memory as the API server shows them."""
