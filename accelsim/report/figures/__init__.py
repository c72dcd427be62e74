"""Figures that commands write beside their tables: SVG, PNG and a page that needs no network, one file per command."""
