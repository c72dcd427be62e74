"""Pages of the reference, written from the code each time the documentation is built."""
