"""What is sent: the window of messages, the counting of tokens, what the bill teaches."""
