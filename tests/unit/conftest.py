"""Examples that are generated have no time limit: a busy machine is no fault of the code (time is held in bench/)."""

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
