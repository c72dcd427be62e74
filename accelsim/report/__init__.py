"""Reports read result tables and nothing else: terminal text, figures as files, charts, and one HTML page."""
