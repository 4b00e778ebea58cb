"""Who is asked: pure policies over what is known of a question, the lanes and the money."""
