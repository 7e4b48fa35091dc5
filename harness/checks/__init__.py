"""The judge: a record goes in, a verdict comes out; the promises have a folder of their own."""
