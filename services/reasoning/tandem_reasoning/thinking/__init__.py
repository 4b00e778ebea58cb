"""How an item is thought about: prompts of experts, what their answers have in common, when to stop asking."""
