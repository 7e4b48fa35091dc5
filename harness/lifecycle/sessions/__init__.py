"""Who talks: session ids as folder names, and one writer each."""
