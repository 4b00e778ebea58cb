"""What a server of a model is told on its command line, here as on a cluster; who starts it says what stands before that."""

from tandem_operator.api.lane import EngineServer, EngineSpec


def arguments(engine: EngineSpec, *, host: str, port: int) -> tuple[str, ...]:
    """The arguments of the server of `engine`, which then listens on host:port and calls its model as the spec does."""
    where, model = ("--host", host, "--port", str(port)), engine.model
    match engine.server:
        case EngineServer.TRANSFORMERS:
            return ("serve", model, *where, "--log-level", "warning", *engine.arguments)
        case EngineServer.LLAMA_CPP:
            source = "-m" if model.endswith(".gguf") else "-hf"
            return (source, model, *where, "--alias", model, "--jinja", *engine.arguments)
        case EngineServer.VLLM:
            return ("serve", model, *where, "--served-model-name", model, *engine.arguments)
