"""A gate's policy judged on what was deployed before it was there."""
