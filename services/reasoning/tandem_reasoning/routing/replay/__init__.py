"""What another policy would have been worth, from what this one saw."""
