"""Every read that joins tables for a page: a fixed number of queries each, whatever the number of rows."""
