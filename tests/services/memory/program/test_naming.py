"""What `tandem_rpc` says of settings, in the names that people gave them by."""

from tandem_memory.program.naming import said


def test_each_setting_that_is_meant_is_named() -> None:
    """One, two that do not belong together, and none."""
    assert said("tls.key: /absent cannot be read") == "TANDEM_MEMORY_TLS_KEY: /absent cannot be read"
    both = "TANDEM_MEMORY_TLS_CERT, TANDEM_MEMORY_TLS_KEY: a and b do not belong together"
    assert said("tls.certificate, tls.key: a and b do not belong together") == both
    assert said("something else: is wrong") == "something else: is wrong"
