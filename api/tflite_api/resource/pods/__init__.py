"""What a spec says of the pods of its conversion."""
