"""The tests: a mirror of `harness/`, the rules of the house, and stacks that break promises."""
