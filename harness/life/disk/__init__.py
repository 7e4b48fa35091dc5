"""The life's half of the recorder: what makes its disk system calls visible."""
