"""The TFLiteConversion resource as data: spec, status, reasons and what a step reports. No I/O."""
