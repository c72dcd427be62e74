"""Makers of codes that are not kept on disk; one file each, named in the bundles that need it."""
