"""Row stationary: mapping search and exact counts for a spatial array with three-level storage."""
