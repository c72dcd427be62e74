"""The data sets that the networks were trained on: readers of files, and pictures made as they are needed."""
