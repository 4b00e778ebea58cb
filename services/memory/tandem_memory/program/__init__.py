"""The service as a program: its commands and settings, and the parts that it is put together from."""
