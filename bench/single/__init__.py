"""One conversion from apply to Ready, beside what it consists of: `make bench-single`."""
