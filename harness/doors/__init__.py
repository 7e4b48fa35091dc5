"""The doors: how the unmodified SDK reaches a model that is not there (respx, transport, server).

A door knows nothing of what the model thinks: it takes a request to a `handle` callable and plays
back the `Reply` that comes out, with its delays, its cuts and the client's own timeouts.
"""
