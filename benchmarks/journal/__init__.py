"""What a journal costs: for one collection, and when it has grown."""
