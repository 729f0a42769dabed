"""Measuring the published artifact beside a new one."""
