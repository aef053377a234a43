"""Data to train and test with, one module a data set."""
