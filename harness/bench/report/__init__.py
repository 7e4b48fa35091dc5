"""What a run of the benchmarks is shown as: tables, a page of pictures, what has changed."""
