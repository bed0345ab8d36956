"""What happens because a moment has come."""
