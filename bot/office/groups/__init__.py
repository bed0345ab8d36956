"""Staff groups: where the office's people talk to each other, and the cards of cases that they see there."""
