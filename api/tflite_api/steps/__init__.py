"""What a step of a conversion is asked and reports."""
