"""What a model is shown beside the diff."""
