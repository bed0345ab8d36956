"""The figures of the README, each by one command; never a test."""
