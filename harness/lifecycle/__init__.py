"""The conversation stack."""
