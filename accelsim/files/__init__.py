"""Reading and writing files: formats whose bytes are checked first, atomic replacement, the cache and its place."""
