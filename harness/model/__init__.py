"""The mock Claude: as strict, as costly and as moody as the real one. Pure: no I/O, no clock."""
