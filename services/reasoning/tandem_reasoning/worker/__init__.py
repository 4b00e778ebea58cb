"""Answers questions: claims them, thinks about them with the run's experts, and keeps nothing that another worker could not do again."""
