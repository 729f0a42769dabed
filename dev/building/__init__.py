"""What is made once and kept until its sources change: the Python environment, programs, images."""
