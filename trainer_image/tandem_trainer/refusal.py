"""A person's mistake that no restart mends, such as a folder that is not there: said in one line, left with exit code 93."""


class Refusal(Exception):  # noqa: N818  # it is an answer to a person, not a fault of the program
    """One line that names the thing, its value and the fix.

    Attributes:
        retryable: Whether another try, perhaps on another machine, may do all the same.
    """

    retryable: bool = False
