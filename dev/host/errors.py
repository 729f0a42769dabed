"""The one error that ends a verb with a message instead of a traceback."""


class DevError(Exception):
    """Something a person has to know or do; the message says what."""
