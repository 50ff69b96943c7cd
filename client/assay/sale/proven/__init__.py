"""Sales to models whose prices are proven: what a seller checks before she accepts, a buyer before he pays."""
