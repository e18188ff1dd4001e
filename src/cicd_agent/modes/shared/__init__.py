"""What several modes need to read or report a change."""
