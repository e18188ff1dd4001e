"""One file for each version of the schema. What was released is never changed again."""
