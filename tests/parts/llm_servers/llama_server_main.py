"""llama.cpp's `llama-server`, out of a package that has all of it but the program: `python llama_server_main.py --model FILE ...`.

The command line is read by llama.cpp's own parser, which the package's library exports, into the parameters that the package then serves
by. So what this refuses or takes for a default, llama.cpp does. It runs where the package is installed and imports nothing of ours.
"""

import ctypes
import signal
import sys

import xllamacpp

_PARSE = "_Z19common_params_parseiPPcR13common_params13llama_examplePFviS0_E"  # common_params_parse of llama.cpp's common/arg.h
_SERVER = 12  # LLAMA_EXAMPLE_SERVER of its common/common.h: which options there are
_PORT = 8080  # its default; the package's own is any that is free
_FIRST = (-1, 0, 2048, 512)  # defaults of the first fields there: tokens to write, context, batch and its part


def told(words: list[str]) -> xllamacpp.CommonParams:
    """What the words of a command line say.

    Raises:
        SystemExit: when llama.cpp does not take them; it has said why.
    """
    params = xllamacpp.CommonParams()
    params.port = _PORT
    place = id(params) + object.__basicsize__  # llama.cpp's own structure stands behind the head of the object
    assert tuple((ctypes.c_int32 * len(_FIRST)).from_address(place)) == _FIRST, "the package keeps its parameters elsewhere now"
    parse = ctypes.CDLL(xllamacpp.xllamacpp.__file__)[_PARSE]
    parse.restype = ctypes.c_bool
    argv = (ctypes.c_char_p * (len(words) + 1))(*(word.encode() for word in words), None)
    if not parse(len(words), argv, ctypes.c_void_p(place), _SERVER, None):
        sys.exit(1)
    return params


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = xllamacpp.Server(told(["llama-server", *sys.argv[1:]]))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
