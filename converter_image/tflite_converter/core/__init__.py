"""What every part of the converter may use: failures, progress, log lines, and the files between the steps."""
