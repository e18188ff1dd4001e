"""What lies below is data: tests that are judged, and projects that they are for. None of it is run as our own."""

collect_ignore_glob = ["*"]
