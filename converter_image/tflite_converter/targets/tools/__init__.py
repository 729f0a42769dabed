"""The tools of the targets, each in a process of its own: they read an untrusted file in C++."""
