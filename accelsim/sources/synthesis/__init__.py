"""Making codes by a recipe instead of running a network: shapes of layers, and values drawn for them."""
