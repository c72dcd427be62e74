"""Networks of papers that no library defines, one file per family, and the table of their names.

Importing this package loads no torch; the files of the families do.
"""
