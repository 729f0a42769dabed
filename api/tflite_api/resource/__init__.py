"""The resource: what a TFLiteConversion asks for, and what its status says."""
