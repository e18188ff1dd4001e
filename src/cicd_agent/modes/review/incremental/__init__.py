"""What a review leaves for the next one on the same pull request."""
