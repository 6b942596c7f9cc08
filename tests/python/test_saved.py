"""Models that are saved, copied, pickled and loaded go on to the same bits; what does not fit is said, and changes nothing."""

from __future__ import annotations

import copy
import pickle
import pickletools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import lampc
import lampc.compile
import lampc.nn
from lampc.layers.layer import Construct
from lampc.ops.term import Term
from lampc.runs import checkpoint
from lampc.runs.saved import unpickled_program
from lampc.runtime.model import Model

SOURCES = {
    "momentum": "linear 2->9 xavier; tanh; dropout 0.2; linear 1; sigmoid\ndata disc train=110 test=40 validation=30\n"
    "loss mse\noptimizer sgd lr=0.1 momentum=0.9\nschedule cosine warmup=1\ntrain epochs=3 batch=32 shuffle seed=7",
    "adam": "linear 2->9 xavier; relu; linear 1; sigmoid\ndata disc train=50 test=9\n"
    "loss bce\noptimizer adam lr=0.02 clip=1\ntrain epochs=2 batch=3 shuffle accumulate=2 precision=f64",
    "batchnorm": "input 2; linear 6; batchnorm; relu; dropout 0.1; linear 1\ndata disc train=50 test=20\n"
    "loss mse\noptimizer adamw lr=0.01\ntrain epochs=2 batch=8 shuffle seed=3",
}
BODY = "linear 2->4 xavier; batchnorm; tanh; linear 1\nloss mse"


def loaded(model: Model, folder: Path) -> Model:
    model.save(folder / "a.safetensors")
    return lampc.load(folder / "a.safetensors", backend=model.wanted)  # type: ignore[no-any-return]


WAYS: dict[str, Callable[[Model, Path], Model]] = {
    "save": loaded,
    "deepcopy": lambda model, _: copy.deepcopy(model),
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "copy": lambda model, _: copy.copy(model),
}


def everything(model: Model) -> dict[str, torch.Tensor]:
    storage = model.storage
    kinds = {"parameter": storage.by_name, "state": storage.states, "setting": storage.settings}
    return {f"{kind} {name}": tensor for kind, tensors in kinds.items() for name, tensor in tensors.items()}


def same(one: Model, other: Model) -> bool:
    mine, others = everything(one), everything(other)
    return mine.keys() == others.keys() and all(torch.equal(tensor, others[name]) for name, tensor in mine.items())


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("way", WAYS)
def test_training_goes_on_to_the_same_bits(way: str, source: str, backend: str, tmp_path: Path) -> None:
    model = lampc.compile.text(SOURCES[source], name="a.lamp").model(seed=5, backend=backend)
    assert model.backend.name == ("native" if backend == "auto" else "torch")
    model.train()
    model.set(lr=0.015)
    other = WAYS[way](model, tmp_path)
    assert (other.seed, other.backend.name, other.random.number) == (5, model.backend.name, model.random.number)
    assert same(model, other)
    before = {name: tensor.clone() for name, tensor in everything(other).items()}
    ended = model.train()
    assert all(torch.equal(tensor, before[name]) for name, tensor in everything(other).items())  # it is another's memory
    went = other.train()
    assert same(model, other)
    assert [(epoch.loss, epoch.test, epoch.validation) for epoch in ended] == [(e.loss, e.test, e.validation) for e in went]
    x = torch.rand(7, 2)
    assert torch.equal(model(x), other(x))


def test_a_file_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program uses, its table and its weights are not there any more."""
    project = tmp_path / "project"
    (project / "lib").mkdir(parents=True)
    (project / "lib" / "more.lamp").write_text("let wide = 3\n")
    (project / "lib" / "body.lamp").write_text('use "more.lamp"\nblock body(n) { linear n * wide xavier; tanh }\n')
    (project / "t.csv").write_text("a,b,kind\n" + "".join(f"{i % 7},{i % 5},{'xyz'[i % 3]}\n" for i in range(60)))
    save_file({"head.bias": torch.ones(3)}, project / "w.safetensors")
    (project / "net.lamp").write_text(
        'use "lib/body.lamp"\nlet n = 2\nbody n; linear 3 as head; softmax\ndata csv "t.csv" target=kind\nloss crossentropy\n'
        'train epochs=2 batch=8 weights="w.safetensors"'
    )
    program = lampc.compile.file(project / "net.lamp", n=4, **{"optimizer.lr": 0.5})
    model = program.model()
    model.train()
    model.save(tmp_path / "net.safetensors")
    raw = pickle.dumps(model)
    x = torch.rand(5, 2)
    project.rename(tmp_path / "moved")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for other in (lampc.load("../net.safetensors"), pickle.loads(raw)):
        assert torch.equal(other(x), model(x))
        assert other.parameters["linear1.weight"].shape == (12, 2)
        assert other.program.experiment.data.description.classes == ("x", "y", "z")
        with pytest.raises(lampc.LampError, match="E601"):
            other.train()
        again = copy.copy(other)  # and once more, from what was loaded
        assert torch.equal(again(x), model(x))
    found = lampc.load("../net.safetensors", folder="../moved").train()
    assert len(found) == 2


def test_settings_of_the_command_line_are_kept() -> None:
    from lampc.diagnostics import Problems
    from lampc.elaborate import parse_setting
    from lampc.elaborate.given import Given

    texts = ("width=3 + 4", "init=kaiming", "train.seed=9")
    settings = dict(found for text in texts if (found := parse_setting(text, Problems())))
    program = lampc.compile.from_text("let width = 2\nlinear 2->width; relu; linear 1\nloss mse", "a", Given(settings=settings))
    other = pickle.loads(pickle.dumps(program.model()))
    assert (other.seed, other.parameters["linear1.weight"].shape) == (9, (7, 2))
    assert str(other.program.experiment.init) == str(program.experiment.init)


def test_programs_are_pickled_and_shared_by_copies(tmp_path: Path) -> None:
    (tmp_path / "b.lamp").write_text("block body(n) { linear n xavier; tanh }\n")
    program = lampc.compile.text('use "b.lamp"\nlet n = 2\ninput 2; body n; linear 1\nloss mse', folder=tmp_path, n=3, seed=6)
    other = pickle.loads(pickle.dumps(program))
    assert (str(other.training), other.source.text) == (str(program.training), program.source.text)
    assert other.model().seed == 6
    assert copy.deepcopy([program])[0] is program
    save_file({"linear1.weight": torch.ones(3, 2)}, tmp_path / "w.safetensors")
    source = SOURCES["adam"].replace("linear 2->9", "linear 2->3")
    begins = lampc.compile.text(source, folder=tmp_path, **{"train.weights": "w.safetensors"})
    assert (pickle.loads(pickle.dumps(begins)).model().parameters["linear1.weight"] == 1.0).all()
    with pytest.raises(lampc.LampError, match="the pickle is damaged"):
        unpickled_program("{}", ".")


def test_a_pickle_names_one_function_and_holds_bytes() -> None:
    raw = pickle.dumps(lampc.compile.text(BODY).model())
    words = [argument for operation, argument, _ in pickletools.genops(raw) if "UNICODE" in operation.name]
    assert words[:2] == ["lampc.runs.saved", "unpickled"]
    assert sum(operation.name in ("STACK_GLOBAL", "GLOBAL") for operation, _, _ in pickletools.genops(raw)) == 1


def test_a_program_takes_a_file_and_a_runs_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lampc.cli import run

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAMPC_RUNS", raising=False)
    Path("a.lamp").write_text(SOURCES["adam"], encoding="utf-8")
    program = lampc.compile.file("a.lamp", **{"optimizer.lr": 0.125})
    model = program.model(seed=8)
    model.train()
    model.set(lr=0.5)
    model.save("a.safetensors")
    other = program.load("a.safetensors", backend="torch")
    assert (other.seed, other.backend.name, other.storage.settings["lr"].item()) == (8, "torch", 0.125)
    assert torch.equal(other.parameters["linear1.weight"], model.parameters["linear1.weight"])
    assert run(["train", "a.lamp"]) == 0
    kept = "runs/a/1/last.safetensors"
    assert torch.equal(program.load(kept).parameters["linear1.weight"], load_file(kept)["linear1.weight"])
    with pytest.raises(lampc.LampError, match=r"has no program in it[\s\S]*program\.load"):
        lampc.load(kept)


def test_layers_of_a_session(tmp_path: Path) -> None:
    def scaled(make: Construct, x: Term) -> Term:
        return x * 3.0

    session = lampc.Session(scaled)
    model = session.text("linear 3->2 xavier; scaled").model(seed=4)
    model.save(tmp_path / "a.safetensors")
    x = torch.rand(2, 3)
    assert torch.equal(session.load(tmp_path / "a.safetensors")(x), model(x))
    assert torch.equal(model.program.load(tmp_path / "a.safetensors")(x), model(x))
    assert torch.equal(copy.deepcopy(model)(x), model(x))
    with pytest.raises(lampc.LampError, match="there is no layer `scaled`"):
        lampc.load(tmp_path / "a.safetensors")


WRONG: dict[str, tuple[bytes | None, str, str]] = {
    "nothing there": (None, "E611", "cannot be read"),
    "empty": (b"", "E611", "no checkpoint"),
    "a pickle": (pickle.dumps({"a": 1}), "E611", "no checkpoint"),
    "text": (b"linear 2->3", "E611", "no checkpoint"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name: str, tmp_path: Path) -> None:
    content, code, message = WRONG[name]
    program = lampc.compile.text(BODY)
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    for load in (lampc.load, program.load):
        with pytest.raises(lampc.LampError, match=message) as caught:
            load(tmp_path / "a")
        (found,) = caught.value.diagnostics
        assert found.code == code
        assert found.fixes


def test_plain_tensors_another_network_and_damage(tmp_path: Path) -> None:
    model = lampc.compile.text(BODY).model()
    place = tmp_path / "a.safetensors"
    save_file(dict(model.state_dict()), place)
    with pytest.raises(lampc.LampError, match="load_state_dict"):
        lampc.load(place)
    model.load_state_dict(load_file(place))
    model.save(place)
    with pytest.raises(lampc.LampError, match=r"of another network: here is `linear1` with linear1\.weight 5x2"):
        lampc.compile.text(BODY.replace("->4", "->5")).load(place)
    raw = bytearray(place.read_bytes())
    raw[-1] ^= 1
    place.write_bytes(raw)
    with pytest.raises(lampc.LampError, match="is damaged"):
        lampc.load(place)
    with pytest.raises(lampc.LampError, match=r"E003.*cannot write"):
        model.save(tmp_path / "none" / "a.safetensors")
    with pytest.raises(lampc.LampError, match="E802"):
        model.save(3)  # type: ignore[arg-type]


def test_fields_that_are_no_such(tmp_path: Path) -> None:
    """Whoever writes a file with a right digest may write anything into it."""
    model = lampc.compile.text(BODY).model()
    model.save(tmp_path / "a")
    kept = checkpoint.read(tmp_path / "a")
    wrong = [("used", {"a": 1}), ("used", {"\ud800": ""}), ("settings", {"lr": {}}), ("written", ["train.seed=("]),
             ("data", {"input": "x"}), ("settings", {"nothing": 1}), ("settings", {"train.epochs": "x"}),
             ("written", ["x"])]  # fmt: skip
    for field, value in wrong:
        about = {**kept.about, "model": {**kept.about["model"], field: value}}
        checkpoint.write(tmp_path / "b", checkpoint.Checkpoint(kept.tensors, about))
        with pytest.raises(lampc.LampError):
            lampc.load(tmp_path / "b")
    checkpoint.write(tmp_path / "b", checkpoint.Checkpoint(kept.tensors, {**kept.about, "settings": {"lr": 1.0, "zz": 2.0}}))
    assert lampc.load(tmp_path / "b").storage.settings["lr"].item() == 1.0


def test_a_state_is_a_copy_with_pytorchs_names() -> None:
    model = lampc.compile.text(BODY).model(seed=2)
    state = model.state_dict()
    assert list(state) == ["linear1.weight", "linear1.bias", "batchnorm1.weight", "batchnorm1.bias", "linear2.weight",
                           "linear2.bias", "batchnorm1.running_mean", "batchnorm1.running_var"]  # fmt: skip
    state["linear1.bias"].fill_(7.0)
    assert not model.parameters["linear1.bias"].any()
    for module in (lampc.nn.Lamp(BODY.split("\n")[0]), model.program.to_torch(model)):
        assert set(module.state_dict()) == set(state)
        module.load_state_dict(state)
        assert model.load_state_dict(module.state_dict()) == ([], [])
        assert (model.parameters["linear1.bias"] == 7.0).all()
        model.parameters["linear1.bias"] = torch.zeros(4)
    model.load_state_dict({name: tensor.double().numpy() for name, tensor in state.items()})
    assert (model.parameters["linear1.bias"] == 7.0).all()
    model.load_state_dict({f"state.{name}" if "running" in name else name: tensor for name, tensor in state.items()})


def test_what_does_not_fit_changes_nothing() -> None:
    model = lampc.compile.text(BODY).model(seed=2)
    before, state = model.state_dict(), {name: tensor + 1 for name, tensor in model.state_dict().items()}
    less = {name: tensor for name, tensor in state.items() if name != "linear2.bias"}
    wrong = {
        "lacks `linear2.bias`": less,
        "has `more`, which": {**state, "more": torch.ones(1)},
        r"`linear2.bias` is \[1\], and in the state \[2\]": {**state, "linear2.bias": torch.ones(2)},
        r"`linear2.bias` is complex": {**state, "linear2.bias": torch.ones(1, dtype=torch.complex64)},
        "`linear2.bias` is no tensor": {**state, "linear2.bias": "x"},
        "a state is tensors by name": [1],
    }
    for message, given in wrong.items():
        with pytest.raises(lampc.LampError, match=message) as caught:
            model.load_state_dict(given)  # type: ignore[arg-type]
        assert message == "`linear2.bias` is no tensor" or caught.value.diagnostics[0].fixes or "complex" in message
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    with pytest.raises(lampc.LampError, match="E612"):  # a shape is wrong whether strict or not
        model.load_state_dict({"linear2.bias": torch.ones(2)}, strict=False)
    found = model.load_state_dict({**less, "more": torch.ones(1)}, strict=False)
    assert (found.missing_keys, found.unexpected_keys) == (["linear2.bias"], ["more"])
    after = model.state_dict()
    assert torch.equal(after["linear2.bias"], before["linear2.bias"])
    assert torch.equal(after["linear1.weight"], state["linear1.weight"])


def test_gradients_are_of_what_was_there() -> None:
    model = lampc.compile.text(BODY).model()
    x, y = torch.rand(4, 2), torch.rand(4, 1)
    model.loss(x, y)
    model.backward()
    other = copy.deepcopy(model)
    assert torch.equal(other.parameters["linear1.weight"].grad, model.parameters["linear1.weight"].grad)  # type: ignore[arg-type]
    model.loss(x, y)
    model.load_state_dict(model.state_dict())
    with pytest.raises(RuntimeError, match=r"call model\.loss"):
        model.backward()


def test_devices() -> None:
    model = lampc.compile.text(SOURCES["adam"]).model(seed=1, backend="auto")
    parameters = model.parameters
    assert model.to("cpu") is model
    assert model.to(torch.device("cpu")).parameters is parameters
    before, x = model.state_dict(), torch.rand(3, 2)
    wanted = model(x)
    with pytest.raises(lampc.LampError, match="there is no device `cqu`"):
        model.to("cqu")
    if torch.cuda.is_available():
        model.train()
        twin = copy.deepcopy(model)
        model.to("cuda")
        assert (model.backend.name, model.device.type) == ("torch", "cuda")
        assert same(model.to("cpu"), twin)
        assert model.backend.name == "native"
    else:
        with pytest.raises(lampc.LampError, match="E702"):
            model.to("cuda")
        assert torch.equal(model(x), wanted)
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_move_takes_everything_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine with a GPU: the other place is the processor under a number."""
    model = lampc.compile.text(SOURCES["momentum"]).model(seed=1)
    model.train()
    twin = copy.deepcopy(model)
    model.to("cpu:0")
    assert (str(model.device), model.backend.name) == ("cpu:0", twin.backend.name)
    assert same(model, twin)
    model.train()
    twin.train()
    assert same(model, twin)


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_others_copy_and_save_while_one_trains(backend: str, tmp_path: Path) -> None:
    source = "linear 2->16 xavier; tanh; linear 16 xavier; tanh; linear 1; sigmoid\ndata disc train=60 test=20\nloss bce\n"
    program = lampc.compile.text(f"{source}train epochs=60 batch=10 shuffle backend={backend}")
    alone, watched = program.model(seed=0), program.model(seed=0)
    alone.train()

    def work(index: int) -> bool:
        if not index:
            watched.train()
            return True
        if index == 1:
            watched.save(tmp_path / "a.safetensors")
            return all(tensor.isfinite().all() for tensor in everything(lampc.load(tmp_path / "a.safetensors")).values())
        if index == 2:
            return all(tensor.isfinite().all() for _ in range(5) for tensor in watched.state_dict().values())
        return len(copy.deepcopy(watched).train(epochs=1)) == 1

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [True] * 4
    assert same(alone, watched)
