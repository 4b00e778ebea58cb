"""What filters ask about each record, and which records they admit."""
