"""Which addresses may be connected to, through which proxy, trusting which authorities."""
