"""One call and one collection: what each costs beside the rivals."""
