"""A crash lab for conversations: scripted hours, deaths and overflows against any stack.

This door holds no furniture: import rooms by their full path (`harness.protocol`, …).
"""
