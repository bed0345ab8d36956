"""Cases: everything a resident brings, with an owner, a date and in the end an answer."""
