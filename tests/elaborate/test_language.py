"""What each form of the language means: read from the layers and op lists that it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lampc
import lampc.compile
from lampc.compile import Program
from lampc.elaborate.composition import COMBINATORS
from lampc.layers import LAYERS


def compiled(source: str, **settings: Any) -> Program:
    return lampc.compile.text(source, **settings)


def sizes(source: str, **settings: Any) -> list[tuple[str, tuple[int, ...]]]:
    """The layers' names with a sample's shape after each."""
    return [(layer.name, layer.output_type.sample) for layer in compiled(source, **settings).layers]  # type: ignore[misc]


def listing(source: str) -> list[str]:
    return str(compiled(source).inference).splitlines()


def codes(source: str, **settings: Any) -> list[str]:
    with pytest.raises(lampc.LampError) as caught:
        compiled(source, **settings)
    return [found.code for found in caught.value.diagnostics if found.code.startswith("E")]


class TestForm:
    def test_statements_end_at_a_newline_or_a_semicolon(self) -> None:
        wanted = [("linear1", (3,)), ("tanh1", (3,))]
        for source in ("linear 2->3; tanh", "linear 2->3\ntanh", "linear 2->3;;\n\n;tanh;\n", "\n\nlinear 2->3\r\ntanh\r\n"):
            assert sizes(source) == wanted

    def test_a_backslash_continues_and_a_hash_comments(self) -> None:
        assert sizes("linear \\\n  2->3 # a comment; tanh\n# another\ntanh") == [("linear1", (3,)), ("tanh1", (3,))]
        assert sizes("linear 2-> \\ # more below\n 3") == [("linear1", (3,))]

    def test_tabs_and_a_byte_order_mark(self) -> None:
        program = lampc.compile.text(b"\xef\xbb\xbf\tlinear\t2->3\t;\ttanh")
        assert [layer.name for layer in program.layers] == ["linear1", "tanh1"]

    def test_a_label_is_a_name(self) -> None:
        program = compiled("linear 2->3 as encode; linear 3->2 as decode")
        assert list(program.parameters) == ["encode.weight", "encode.bias", "decode.weight", "decode.bias"]

    def test_names_count_by_kind_and_never_meet(self) -> None:
        source = "linear 2->2; linear 2->2 as linear2; linear 2->2; block b() { linear 2->2 as h }; b; b"
        assert [name for name, _ in sizes(source)] == ["linear1", "linear2", "linear3", "h", "h_1"]


class TestSizes:
    @pytest.mark.parametrize("form", ["linear 4->3", "linear ->3", "linear 3"])
    def test_a_size_is_written_or_inferred(self, form: str) -> None:
        assert sizes(f"input 4; {form}; linear 3->2")[0] == ("linear1", (3,))

    def test_a_linear_layer_says_what_it_makes(self) -> None:
        assert codes("input 4; linear; linear xavier") == ["E301", "E301"]

    def test_the_first_layer_says_the_inputs_size(self) -> None:
        assert compiled("tanh; dropout 0.1; linear 5->2").elaborated.input_type.sample == (5,)
        assert compiled("residual { linear 5->5 }").elaborated.input_type.sample == (5,)
        assert compiled("block b(n) { linear n->2 }; b 5").elaborated.input_type.sample == (5,)

    def test_the_data_say_it_too(self) -> None:
        assert compiled("data disc; linear 1; loss mse").elaborated.input_type.sample == (2,)
        assert codes("input 3; data disc; linear 1; loss mse") == ["E504"]
        assert codes("data disc; linear 3->1; loss mse") == ["E401"]

    def test_it_must_come_from_somewhere(self) -> None:
        assert codes("linear 4") == ["E403"]
        assert codes("tanh") == ["E403"]

    def test_images_are_flattened(self) -> None:
        assert sizes("input 1x28x28; flatten; linear 10") == [("flatten1", (784,)), ("linear1", (10,))]
        assert codes("input 1x28x28; flatten; linear 783->10") == ["E401"]

    def test_a_mismatch_names_both_places(self) -> None:
        with pytest.raises(lampc.LampError) as caught:
            compiled("linear 2->24\ntanh\nlinear 25->1")
        (found,) = caught.value.diagnostics
        assert [(label.span.line, label.text) for label in found.labels] == [(3, "takes 25"), (1, "makes 24")]


class TestConstants:
    def test_let_and_arithmetic(self) -> None:
        assert sizes("let w = 3\nlet v = 2*w^2 - 4\nlinear w->v; linear v->v/7")[1] == ("linear2", (2,))

    def test_a_setting_overrides_a_let_and_what_follows_from_it(self) -> None:
        source = "let w = 3\nlet v = 2*w\nlinear 1->v"
        assert sizes(source) == [("linear1", (6,))]
        assert sizes(source, w=5) == [("linear1", (10,))]
        assert sizes(source, v=4) == [("linear1", (4,))]

    @pytest.mark.parametrize(
        ("written", "code"),
        [
            ("1/0", "E307"),
            ("2^99999", "E307"),
            ("w", "E206"),
            ("1e999", "E104"),
            ("2.5", "E304"),
            ("-3", "E305"),
            ("0", "E305"),
        ],
    )
    def test_a_size_without_value(self, written: str, code: str) -> None:
        assert codes(f"linear 2->{written}") == [code]

    def test_a_let_in_a_body_holds_there(self) -> None:
        assert sizes("linear 2->4; repeat 1 { let k = 7; linear k; linear 4 }")[1] == ("linear2", (7,))


class TestComposition:
    def test_repeat_has_parameters_for_each_copy(self) -> None:
        program = compiled("linear 2->4; repeat 3 { linear 4; tanh }")
        assert [name for name, _ in sizes("linear 2->4; repeat 3 { linear 4; tanh }")] == [
            "linear1", "linear2", "tanh1", "linear3", "tanh2", "linear4", "tanh3",
        ]  # fmt: skip
        assert len(program.parameters) == 8

    def test_residual_adds_its_input(self) -> None:
        assert listing("linear 2->3; residual { tanh }") == [
            "%1 = affine(x, linear1.weight, linear1.bias) : f32[B, 3]",
            "%2 = tanh(%1) : f32[B, 3]",
            "%3 = add(%1, %2) : f32[B, 3]",
        ]
        assert codes("linear 2->3; residual { linear 3->4 }; linear 3->1") == ["E404"]

    def test_branches_have_one_input(self) -> None:
        assert listing("input 3; sum { tanh | pass | sigmoid }") == [
            "%1 = tanh(x) : f32[B, 3]",
            "%2 = sigmoid(x) : f32[B, 3]",
            "%3 = add(%1, x) : f32[B, 3]",
            "%4 = add(%3, %2) : f32[B, 3]",
        ]
        assert "mul(%1, %2)" in listing("input 3; product { tanh | sigmoid }")[-1]

    def test_branches_join_in_one_shape(self) -> None:
        assert codes("input 3; sum { linear 4 | pass }") == ["E404"]
        assert codes("input 3; product { linear 4 | pass | linear 5 }") == ["E404"]

    def test_concat_adds_sizes_along_an_axis(self) -> None:
        assert sizes("input 3; concat { linear 4 | pass | linear 2 }")[-1] == ("concat1", (9,))
        assert sizes("input 2x3; concat axis=2 { linear 4 | pass }")[-1] == ("concat1", (2, 7))
        assert sizes("input 2x3; concat { tanh | pass }")[-1] == ("concat1", (4, 3))
        assert codes("input 2x3; concat { linear 4 | pass }") == ["E404"]
        assert codes("input 3; concat axis=2 { tanh | pass }") == ["E404"]

    def test_a_value_is_named_and_recalled(self) -> None:
        program = compiled("linear 2->3 as h; linear 3->3; sum { pass | from h }")
        assert "add(%2, %1)" in str(program.inference) or "add(%1, %2)" in str(program.inference)
        assert codes("linear 2->3; from h") == ["E203"]
        assert codes("linear 2->3 as h; linear 3->3 as h") == ["E202"]

    def test_labels_hold_in_their_body_and_inside(self) -> None:
        assert compiled("linear 2->3 as h; residual { tanh; sum { pass | from h } }")
        assert codes("linear 2->3; residual { tanh as h }; from h") == ["E203"]
        assert codes("block b() { sum { pass | from h } }; linear 2->3 as h; b") == ["E203"]
        assert compiled("linear 2->3; repeat 2 { tanh as h; sum { pass | from h } }")

    def test_a_branch_is_not_empty(self) -> None:
        assert codes("input 2; sum { tanh | }") == ["E207"]
        assert codes("input 2; residual { }") == ["E207"]
        assert codes("input 2; residual") == ["E308"]
        assert codes("input 2; residual { tanh | pass }") == ["E308"]
        assert codes("input 2; tanh { pass }") == ["E308"]

    @pytest.mark.parametrize("name", COMBINATORS)
    def test_examples(self, name: str) -> None:
        source = COMBINATORS[name].example
        assert name in source
        assert compiled(source if "->" in source.split(";")[0] else f"input 8; {source}")


class TestBlocks:
    def test_arguments_by_place_name_and_default(self) -> None:
        block = "block b(n, k=2, init=xavier) { linear ->n*k init }\n"
        assert sizes(block + "input 1; b 3; b 3 k=4; b 3 1; b k=5 n=2") == [
            (f"linear{i + 1}", (size,)) for i, size in enumerate((6, 12, 3, 10))
        ]

    @pytest.mark.parametrize(
        ("call", "code"), [("b", "E301"), ("b 1 2 3", "E302"), ("b 1 m=2", "E303"), ("b 1 n=2", "E306"), ("b 1->2", "E304")]
    )
    def test_wrong_calls(self, call: str, code: str) -> None:
        assert codes(f"block b(n, k=2) {{ linear ->n*k }}\ninput 1; {call}") == [code]

    def test_recursion_is_refused_with_its_path(self) -> None:
        source = "block a(n) { b n }\nblock b(n) { tanh; a n }\ninput 2; a 3"
        with pytest.raises(lampc.LampError) as caught:
            compiled(source)
        assert "a → b → a" in caught.value.diagnostics[0].message

    def test_order_of_definitions_does_not_matter(self) -> None:
        assert sizes("input 1; b 3\nblock b(n) { linear ->n; c }\nblock c { tanh }") == [("linear1", (3,)), ("tanh1", (3,))]


class TestFunctions:
    def test_a_formula_becomes_ops(self) -> None:
        assert listing("fn f(x, a=2) = x * sigmoid(a * x)\ninput 3; f")[-3:] == [
            "%1 = scale(x, 2) : f32[B, 3]",
            "%2 = sigmoid(%1) : f32[B, 3]",
            "%3 = mul(x, %2) : f32[B, 3]",
        ]

    def test_arguments(self) -> None:
        assert "scale(x, 3)" in listing("fn f(x, a=2) = sin(a * x)\ninput 3; f 3")[0]
        assert "scale(x, 4)" in listing("fn f(x, a=2) = sin(a * x)\ninput 3; f a=4")[0]
        assert codes("fn f(x, a=2) = sin(a * x)\ninput 3; f b=4") == ["E303"]

    def test_functions_call_functions_and_constants(self) -> None:
        assert compiled("let k = 2\nfn g(x) = exp(-k * x)\nfn f(x) = 1 / (1 + g(x))\ninput 3; f")

    def test_a_layer_keeps_the_shape(self) -> None:
        assert codes("fn f(x) = mean(x)\ninput 3; f") == ["E404"]
        assert codes("fn f(x) = 3\ninput 3; f") == ["E404"]

    @pytest.mark.parametrize(
        ("formula", "code"), [("y", "E206"), ("f(x)", "E204"), ("tanh(x, x)", "E302"), ("nothing(x)", "E206"), ("3x3", "E304")]
    )
    def test_wrong_formulas(self, formula: str, code: str) -> None:
        assert codes(f"fn f(x) = {formula}\ninput 3; f") == [code]


class TestUse:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        (tmp_path / "pyproject.toml").touch()
        (tmp_path / "inner").mkdir()
        return tmp_path

    def test_definitions_of_another_file(self, project: Path) -> None:
        (project / "parts.lamp").write_text("let w = 4\nfn f(x) = x * tanh(x)\nblock b(n) { linear ->n; f }")
        (project / "a.lamp").write_text('use "parts.lamp"\ninput 2; b w')
        program = lampc.compile.file(project / "a.lamp")
        assert [layer.name for layer in program.layers] == ["linear1", "f1"]

    def test_paths_begin_at_the_file_that_says_them(self, project: Path) -> None:
        (project / "inner" / "one.lamp").write_text('use "two.lamp"')
        (project / "inner" / "two.lamp").write_text("let w = 4")
        (project / "a.lamp").write_text('use "inner/one.lamp"\nlinear 2->w')
        assert lampc.compile.file(project / "a.lamp").layers[0].output_type.sample == (4,)
        (project / "inner" / "b.lamp").write_text('use "../inner/two.lamp"\nlinear 2->w')
        assert lampc.compile.file(project / "inner" / "b.lamp")

    @pytest.mark.parametrize("path", ["../outside.lamp", "/etc/hostname", "inner/../../outside.lamp"])
    def test_never_outside_the_project(self, project: Path, path: str) -> None:
        (project.parent / "outside.lamp").write_text("let w = 4")
        (project / "a.lamp").write_text(f'use "{path}"\nlinear 2->3')
        with pytest.raises(lampc.LampError) as caught:
            lampc.compile.file(project / "a.lamp")
        assert [d.code for d in caught.value.diagnostics if d.code[0] == "E"] == ["E205"]

    def test_nor_through_a_link(self, project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        outside = tmp_path_factory.mktemp("outside") / "o.lamp"
        outside.write_text("let w = 4")
        (project / "link.lamp").symlink_to(outside)
        (project / "a.lamp").write_text('use "link.lamp"\nlinear 2->w')
        with pytest.raises(lampc.LampError) as caught:
            lampc.compile.file(project / "a.lamp")
        assert "E205" in [d.code for d in caught.value.diagnostics]

    def test_files_that_use_each_other(self, project: Path) -> None:
        (project / "a.lamp").write_text('use "b.lamp"\nlet v = 1\nlinear 2->w')
        (project / "b.lamp").write_text('use "a.lamp"\nlet w = 3')
        with pytest.raises(lampc.LampError) as caught:
            lampc.compile.file(project / "a.lamp")
        (found,) = [d for d in caught.value.diagnostics if d.code[0] == "E"]
        assert "a.lamp → b.lamp → a.lamp" in found.message

    def test_a_mistake_there_is_shown_there(self, project: Path) -> None:
        (project / "parts.lamp").write_text("block b(n) {\n  linear 3->n }")
        (project / "a.lamp").write_text('use "parts.lamp"\nlinear 2->4; b 5')
        with pytest.raises(lampc.LampError) as caught:
            lampc.compile.file(project / "a.lamp")
        found = next(d for d in caught.value.diagnostics if d.code == "E401")
        assert [Path(label.span.source.name).name for label in found.labels] == ["parts.lamp", "a.lamp", "a.lamp"]


class TestExperiment:
    def test_what_is_left_out_has_a_default(self) -> None:
        train = compiled("linear 2->1").experiment.train
        assert (train.epochs, train.batch, train.shuffle, train.seed, train.runs, train.device, train.dtype) == (
            10, 50, False, 0, 1, "cpu", "f32",
        )  # fmt: skip

    def test_settings_short_and_full(self) -> None:
        source = "linear 2->1; data disc train=10 test=5; loss mse; optimizer sgd lr=1; train epochs=3 shuffle"
        program = compiled(source, epochs=7, lr=0.5, **{"train.batch": 4, "shuffle": "off", "data.train": 99})
        assert program.experiment.train.epochs == 7
        assert program.experiment.train.batch == 4
        assert not program.experiment.train.shuffle
        assert program.experiment.optimizer.arguments["lr"] == 0.5
        assert len(program.data().train) == 99

    def test_of_a_short_and_a_full_name_the_last_counts(self) -> None:
        found = [compiled("linear 2->1; train epochs=3", **dict(given)).experiment.train
                 for given in ((("epochs", 7), ("train.epochs", 8)), (("train.epochs", 8), ("epochs", 7)))]  # fmt: skip
        assert [train.epochs for train in found] == [8, 7]
        assert [str(train.places["epochs"]) for train in found] == ["setting:1:1", "setting:1:1"]

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [("epohcs", 1, "E801"), ("epochs", 0, "E305"), ("epochs", "many", "E802"), ("lr", -1, "E305"),
         ("optimizer.rate", 1, "E801"), ("w", 1, "E801")],
    )  # fmt: skip
    def test_wrong_settings(self, name: str, value: object, code: str) -> None:
        assert codes("linear 2->1; data disc; loss mse; optimizer sgd lr=1", **{name: value}) == [code]

    def test_one_statement_of_each(self) -> None:
        assert codes("linear 2->1; loss mse; loss mae") == ["E502"]
        assert codes("linear 2->1; residual { loss mse; linear 1 }") == ["E208"]

    def test_a_loss_of_ones_own(self) -> None:
        source = "fn cube(p, y, k=3) = mean(abs(p - y)^k)\ninput 2; linear 1; loss cube"
        assert "pow" in str(compiled(source).forward) or "abs" in str(compiled(source).forward)
        assert codes("linear 2->1; loss fn(p) = mean(p)") == ["E505"]
        assert codes("linear 2->1; loss fn(p, y) = p - y") == ["E505"]

    @pytest.mark.parametrize(
        ("source", "metrics"),
        [
            ("data disc; linear 1; sigmoid; loss bce", ["accuracy"]),
            ("data disc; linear 1; loss mse", []),
            ('data csv "iris.csv"; linear 3; loss crossentropy', ["accuracy"]),
            ("data disc; linear 1; loss mse; metrics mae r2", ["mae", "r2"]),
        ],
    )
    def test_metrics_are_chosen_where_none_are(self, source: str, metrics: list[str], models: Path) -> None:
        program = lampc.compile.text(source, folder=models)
        assert [metric.name for metric in program.metrics][: len(metrics)] == metrics


class TestForeignNames:
    @pytest.mark.parametrize(
        ("written", "ours"),
        [("Dense", "linear"), ("nn.Linear", "linear"), ("fc", "linear"), ("nn.ReLU", "relu"), ("LeakyReLU", "leakyrelu"),
         ("LogSoftmax", "logsoftmax"), ("LayerNorm", "layernorm"), ("Flatten", "flatten"), ("tahn", "tanh"),
         ("sigmod", "sigmoid")],
    )  # fmt: skip
    def test_are_translated(self, written: str, ours: str) -> None:
        with pytest.raises(lampc.LampError) as caught:
            compiled(f"linear 2->3\n{written}")
        (found,) = caught.value.diagnostics
        assert found.code == "E201"
        assert f"`{ours}" in found.fixes[0]

    def test_what_is_not_there_yet_says_so(self) -> None:
        with pytest.raises(lampc.LampError) as caught:
            compiled("linear 2->3\nTransformer 3")
        assert "does not have" in caught.value.diagnostics[0].fixes[0]


class TestOneMistakeOneMessage:
    def test_three_mistakes_are_three_errors(self) -> None:
        source = "linear 2->24; tanh\nlinear (25->25\ntahn\nlinear 24->30\nlinear 25->1; sigmoid\n"
        assert codes(source) == ["E102", "E201", "E401"]

    @pytest.mark.parametrize(
        "wrong", ["linear 2->", "linear 2->3 xavir", "linear 2->3 3->4", "linear = 3", "let = 4", "...", "@x"]
    )
    def test_what_follows_is_still_checked(self, wrong: str) -> None:
        found = codes(f"{wrong}\nlinear 3->4; tanh; linear 5->1")
        assert found[-1] == "E401"
        assert len(found) == 2


class TestLimits:
    def test_operations(self) -> None:
        assert codes("input 2; repeat 100000 { repeat 100000 { repeat 100000 { linear 2 } } }") == ["E406"]
        doubling = "".join(f"block b{i} {{ b{i - 1}; b{i - 1} }}\n" for i in range(1, 60))
        assert codes(f"block b0 {{ tanh }}\n{doubling}input 2; b59") == ["E406"]

    def test_nesting(self) -> None:
        assert codes("input 2; " + "residual { " * 65 + "tanh" + " }" * 65) == ["E107"]
        assert codes("input 2; linear ->" + "(" * 100 + "2" + ")" * 100) == ["E107"]
        assert compiled("input 2; " + "residual { " * 60 + "tanh" + " }" * 60)

    def test_sizes(self) -> None:
        assert codes("linear 2->2147483649") == ["E305"]
        assert codes("linear 60000->60000") == ["E407"]

    def test_bytes(self) -> None:
        assert codes("#" * 1_000_001) == ["E002"]
        assert compiled("linear 2->1 #" + "x" * 900_000)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layers_example(name: str) -> None:
    example = LAYERS[name].example
    assert name in example
    assert compiled(example)


class TestBlocksThatNothingCalls:
    def test_are_checked_as_far_as_arguments_do_not_matter(self) -> None:
        assert codes("block b(n) { linear n-1->n xavir; tahn; from h }\nlinear 2->3") == ["E201", "E203"]
        assert codes("block b(n) { c n }\nblock c(n) { b n }\nlinear 2->3") == ["E204", "E204"]
        assert compiled("block b(n, k=3) { linear n-1->k; linear k->2 }\nlinear 2->3")


class TestArgumentsSideBySide:
    def test_a_space_before_a_minus_begins_an_argument(self) -> None:
        assert sizes("input 10; slice 0 -1")[-1][1] == (9,)
        assert sizes("input 10; slice -3 -1")[-1][1] == (2,)
        assert sizes("input 10; slice 0 (2 -1)")[-1][1] == (1,)
        assert codes("let n = 4; linear 2->n -1") == ["E302"]
        assert sizes("let n = 4 -1; linear 2->n - 1") == [("linear1", (2,))]

    def test_in_a_loss_a_minus_subtracts(self) -> None:
        compiled("linear 2->3; loss total = mse(p, y) -0.1*mean(p^2)")

    def test_a_number_is_not_called(self) -> None:
        assert codes("let n = 3; input 10; slice n(3)") == ["E304"]
        assert codes("let n = 3; input 10; slice n (3)") == ["E109"]

    def test_what_is_given_twice_is_said_once(self) -> None:
        assert codes("let n = 3; input 10; slice start=n stop=n -1") == ["E306"]

    @pytest.mark.parametrize("source", ["train epochs", "train shuffle batch", "optimizer adam lr"])
    def test_a_name_without_its_value(self, source: str) -> None:
        with pytest.raises(lampc.LampError, match=rf"write `{source.split()[-1]}=…`"):
            compiled(f"linear 2->3; loss mse; {source}")

    def test_a_difference_before_an_arrow(self) -> None:
        with pytest.raises(lampc.LampError, match=r"`… - 2->8`"):
            compiled("let n = 10; input 8; linear n -2->8")


class TestWordsThatMeanTwoThings:
    """A constant, or a value, that is called as something of the language is: refused where either may be meant."""

    @pytest.mark.parametrize(
        "source",
        [
            "let shuffle = 3\nlinear 4->shuffle; loss mse; train shuffle",
            "let nesterov = 3\nlinear 4->nesterov; loss mse; optimizer sgd nesterov",
            "let learned = 3\ninput 4x8; position learned; linear learned",
            "let xavier = 3\nlinear 4->8 xavier",
            "let zeros = ones\nlinear 4->8 xavier zeros",
            "linear 4->3 as y; tanh; linear 3; loss total = mse(p, y)",
            "linear 4->3 as p; tanh; linear 3; loss total = mse(p, y)",
            "linear 4->4 as x; tanh; linear 4; loss total = mse(p, x)",
            "input 4 as y; linear 4; loss total = mse(p, y)",
            "let y = 3\nlinear 4->y; loss total = mse(p, y)",
            "let h = 3\nlinear 4->h as h; tanh; linear 3; loss total = mse(p, y) + mean(h)",
        ],
    )
    def test_are_refused(self, source: str) -> None:
        assert codes(source) == ["E202"]

    @pytest.mark.parametrize(
        "source",
        [
            "let shuffle = 3\nlinear 4->shuffle; loss mse; train shuffle=on",
            "let sgd = 3\nlinear 4->sgd; loss mse; optimizer sgd",
            "linear 4->8; tanh; linear 3 as p; loss total = mse(p, y)",
            "input 4 as x; linear 4; loss total = mse(p, x)",
            "linear 4->3 as y; tanh; linear 3; loss mse",
            "fn near(p, y) = mean((p - y)^2)\nlet y = 3\nlinear 4->y as h; tanh; linear 3; loss near",
        ],
    )
    def test_are_taken_where_one_alone_fits(self, source: str) -> None:
        compiled(source)

    def test_a_name_is_wanted(self) -> None:
        compiled("linear 4->4 as e; tanh; linear 4 tie=e")
        compiled("let h = 4\nlinear 4->h as h; tanh; linear 4 tie=h")


def test_losses_are_called_in_a_sum() -> None:
    for source in ("loss fn(p, y) = mse(p, y)", "loss g; fn g(p, y) = mse(p, y)"):
        with pytest.raises(lampc.LampError, match=r"`loss total = mse\(p, y\)`"):
            compiled(f"linear 4->3; {source}")


def test_a_gain_is_given_by_name() -> None:
    with pytest.raises(lampc.LampError, match=r"orthogonal\(gain=0.01\)"):
        compiled("linear 8->4 orthogonal(0.01)")


def test_a_sum_without_branches_goes_over_axes() -> None:
    assert sizes("input 3x4; sum 1") == sizes("input 3x4; sum axes=1") == [("sum1", (4,))]


def test_as_stands_after_the_braces() -> None:
    with pytest.raises(lampc.LampError, match=r"`as` stands after the braces: `{ … } as i`"):
        compiled("input 16\nrepeat 4 as i { linear 16; relu }")


class TestPlaces:
    def test_an_empty_file_is_wrong_at_its_start(self) -> None:
        for source in ("", "# nothing\n", "\n\n"):
            with pytest.raises(lampc.LampError) as caught:
                lampc.compile.text(source, name="a.lamp")
            assert [str(found.labels[0].span) for found in caught.value.diagnostics] == ["a.lamp:1:1"]

    def test_a_setting_is_named_with_its_text(self) -> None:
        source = "linear 2->1; data disc; loss mse"
        for given in ({"best": "nothing"}, {"epochs": 0}, {"epoch": 1}, {"weights": "none.safetensors"}, {"lr": None}):
            with pytest.raises(lampc.LampError) as caught:
                compiled(source, **given)  # type: ignore[arg-type]
            (found,) = caught.value.diagnostics
            assert found.labels[0].span.source.text == "{}={}".format(*next(iter(given.items())))
