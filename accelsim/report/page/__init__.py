"""The report as one HTML page: its template, style and script, and what fills them."""
