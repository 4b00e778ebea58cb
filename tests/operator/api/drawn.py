"""Runs as people might write them: most are good, some have a thing or two that nobody can mean."""

from typing import Any

from hypothesis import strategies as st


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def often(*good: Any, seldom: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Mostly something that fits."""
    return st.sampled_from([*good * 40, *seldom])


FLAGS = (True, False)

sizes = often(1, 2, 4, 8, seldom=(0, -1, "2", 2.5, True, 10**7))
shares = often(0, 0.5, 1, seldom=(-0.1, 1.5, "0.5", 10))
names = often("a", "b", "c-1", "x" * 40, seldom=("", "A", "-a", "x" * 41, "1a", "a\n", 3))
words = often("Prefer", "Require", "Never", seldom=("prefer", 1))
waits = often("0s", "90s", "1h30m", seldom=("90", 90, "1.5h", "", "s"))
sources = often("python-stdlib", "/data", "file:///data", seldom=("", "https://u:p@h/", "s3://b/k?X-Amz-Signature=1", 3))

models = some(
    layers=sizes, width=often(16, 32, 64, seldom=(0, 24)), heads=often(1, 2, 4, seldom=(3,)), huggingFace=often("gpt2", seldom=("", 1))
)
optimizers = some(beta1=often(0, 0.9, seldom=(1, -0.1)), epsilon=often(1e-8, 1, seldom=(0,)), weightDecay=often(0, 0.1, seldom=(-1,)))
deepspeed = some(
    zeroStage=often(1, 2, 3, seldom=(0, 4)),
    microBatchSize=sizes,
    precision=often("bf16", "fp32", seldom=("fp16",)),
    model=models,
    optimizer=optimizers,
    activationCheckpointing=often(*FLAGS, seldom=("yes", 1)),
)
script = some(path=often("x.py", "/a/b.py", "c.py", seldom=("",)), args=st.lists(often("-v", "", seldom=(1,)), max_size=2))
trainers = st.one_of(
    st.builds(lambda path: {"script": {"path": path}}, often("x.py")),
    st.builds(lambda settings: {"deepspeed": settings}, deepspeed),
    st.builds(lambda settings: {"deepspeed": settings}, deepspeed),
    some(deepspeed=deepspeed, script=script, experts=st.just({}), lattice=st.just({})),
)
data = some(
    source=sources, include=st.lists(often("*.py", seldom=("",)), max_size=2), fillInTheMiddle=shares, seed=often(0, 7, seldom=(-1, 2**53))
)
lengths = st.one_of(
    st.fixed_dictionaries({"steps": often(1, 100, seldom=(0, 1.5))}),
    st.fixed_dictionaries({"tokens": often(1, 5000, seldom=(0,))}),
    some(steps=often(1), tokens=often(1)),
)
settings_of_phase = some(
    contextLength=often(8, 256, seldom=(7,)),
    batchSize=often(16, 32, 64, seldom=(0, 7)),
    learningRate=often(1e-3, 1, seldom=(0, "fast")),
    warmupSteps=often(0, 1, seldom=(-1, 50)),
    schedule=often("constant", "cosine", seldom=("linear",)),
    data=data,
)
phases = st.lists(
    st.builds(lambda name, length, rest: {"name": name, **length, **rest}, names, lengths, settings_of_phase),
    max_size=3,
)
tolerations = st.lists(
    some(
        key=often("gpu", seldom=("",)),
        operator=often("Exists", "Equal", seldom=("In",)),
        value=often("", "yes"),
        effect=often("NoExecute", "NoSchedule", seldom=("None",)),
        tolerationSeconds=often(0, 5, seldom=(-1,)),
    ),
    max_size=2,
)
specs = st.fixed_dictionaries(
    {"trainer": trainers, "phases": phases},
    optional={
        "workers": sizes,
        "gpusPerWorker": often(0, 0, 0, 8, seldom=(-1, 65)),
        "processesPerWorker": sizes,
        "accelerator": often("none", "none", "nvidia", seldom=("tpu",)),
        "placement": some(spot=words, onDemandAfter=waits, tolerations=tolerations, nodeSelector=often({}, {"a": "b"}, seldom=({"a": 1},))),
        "data": data,
        "checkpoint": some(
            uri=often("file:///x", "s3://bucket/a", seldom=("s3://", "/x", "s3://u:p@b")),
            everySteps=sizes,
            keepLast=sizes,
            keepBest=often(*FLAGS, seldom=("no",)),
        ),
        "budget": some(
            usd=often(1, 0.5, seldom=(0, "1", True)), warnAt=often(0.5, 1, seldom=(0, 80)), usdPerWorkerHour=often(0, 2, seldom=(-1,))
        ),
        "restart": some(maxFailures=often(0, 3, seldom=(-1,)), backoff=some(first=waits, longest=waits)),
        "spikes": some(action=often("Stop", seldom=("stop",)), window=often(8, seldom=(7,)), sigmas=often(3, seldom=(0,))),
        "memory": some(address=often("a:1", "[::1]:2", seldom=("a", "http://a:1")), namespace=names),
        "suspend": often(*FLAGS, seldom=("true", 0)),
        "deadline": waits,
        "ttlSecondsAfterFinished": often(0, 5, seldom=(-1, 2**31)),
    },
)
runs = st.fixed_dictionaries({"name": often("a", "b", seldom=("A", "x" * 41, "a.b"))}).flatmap(
    lambda metadata: specs.map(
        lambda spec: {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": metadata, "spec": spec},
    )
)
