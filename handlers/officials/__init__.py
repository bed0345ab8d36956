"""What officials can do."""
