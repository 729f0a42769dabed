"""Measurements that no test should make: real models as a table, time and memory beside the usual script."""
