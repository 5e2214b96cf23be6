"""What one call and one collection cost, compared with the rivals."""
