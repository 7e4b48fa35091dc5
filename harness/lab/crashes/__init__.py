"""Every crash there is: the recorded run, the states it may leave, and what each does."""
