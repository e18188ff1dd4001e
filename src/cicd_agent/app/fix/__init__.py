"""`--fix`: what a decision changes in the working tree."""
