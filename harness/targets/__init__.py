"""Who is tested: the reference stack, the naive one, and one file for each foreign library."""
