"""The measures themselves, one idea a file: columns in, a value for each item or a figure of a draw out."""
