"""What goes over the wire and what is believed of it: W1 to W7, and T1."""
