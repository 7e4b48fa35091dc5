"""The model of disks: every directory that a crash may legally leave behind."""
