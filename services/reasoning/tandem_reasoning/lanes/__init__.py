"""Servers of language models: how they are asked, what their answers and refusals mean, how fast they may be asked."""
