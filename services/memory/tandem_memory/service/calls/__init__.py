"""The wire's calls, a file for each group of them."""
