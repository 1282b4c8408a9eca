"""Measures chat-server and its peers, and writes docs/performance.md's tables and plots."""
