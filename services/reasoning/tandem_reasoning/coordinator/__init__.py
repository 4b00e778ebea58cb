"""One for each run: hands out questions and permits, keeps the books, and tells how the run stands."""
