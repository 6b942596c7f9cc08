"""Wrong use of each layer is one coded diagnostic, before anything runs."""

from __future__ import annotations

import pytest

import lampc
import lampc.compile

IMAGE, SEQUENCE, VECTOR, NAMES = "input 3x8x8; ", "input 5x8; ", "input 6; ", "input 5 int<9>; "

WRONG = {
    # the wrong rank
    VECTOR + "conv 4 3": "E402",
    VECTOR + "conv1d 4 3": "E402",
    IMAGE + "conv3d 4 3": "E402",
    VECTOR + "convtranspose 4 3": "E402",
    VECTOR + "depthwise 3x3": "E402",
    VECTOR + "maxpool": "E402",
    VECTOR + "avgpool": "E402",
    VECTOR + "globalpool": "E402",
    VECTOR + "upsample 2": "E402",
    VECTOR + "pad 1": "E402",
    VECTOR + "instancenorm": "E402",
    VECTOR + "attention 2": "E402",
    VECTOR + "position": "E402",
    VECTOR + "lstm 4": "E402",
    IMAGE + "gru 4": "E402",
    VECTOR + "transpose": "E402",
    VECTOR + "sum 2": "E402",
    SEQUENCE + "slice 0 2 axis=3": "E402",
    SEQUENCE + "embedding 4": "E402",
    IMAGE + "linear 6 as z; from z; bilinear 3 with=z": "E402",
    # whole numbers where numbers are wanted
    NAMES + "linear 4": "E402",
    NAMES + "relu": "E402",
    NAMES + "layernorm": "E402",
    NAMES + "batchnorm": "E402",
    NAMES + "flatten": "E402",
    "fn half(x) = x / 2; " + NAMES + "half": "E402",
    # a size that is not the one written
    IMAGE + "conv 4->8 3": "E401",
    IMAGE + "convtranspose 4->8 3": "E401",
    SEQUENCE + "lstm 7->4": "E401",
    NAMES + "embedding 8->4": "E401",
    VECTOR + "reshape 2x4": "E401",
    # windows, groups and heads that do not fit
    IMAGE + "conv 4 9": "E405",
    IMAGE + "conv 4 3 dilation=4": "E405",
    IMAGE + "conv 4 3 groups=2": "E405",
    IMAGE + "conv 4 3 groups=3": "E405",
    IMAGE + "conv 4 3 stride=1x2x3": "E405",
    IMAGE + "conv 4 3 padding=same stride=2": "E405",
    IMAGE + "conv 4 3 padding=9 edges=reflect": "E405",
    IMAGE + "convtranspose 4 3 output_padding=1": "E405",
    IMAGE + "maxpool 9": "E405",
    IMAGE + "maxpool 3 padding=2": "E405",
    IMAGE + "avgpool 2x9": "E405",
    IMAGE + "pad 9 edges=reflect": "E405",
    IMAGE + "groupnorm 2": "E405",
    SEQUENCE + "attention 3": "E405",
    SEQUENCE + "attention 4 kv_heads=3": "E405",
    SEQUENCE + "attention 8 rope": "E405",
    SEQUENCE + "position length=4": "E405",
    SEQUENCE + "slice 4 2": "E405",
    "input 5; draw": "E405",
    # masks, states and weights that do not fit
    "input 5x8 as x; input 4 as m; from x; attention 2 padding=m": "E404",
    "input 5x8 as x; input 5x4 as m; from x; attention 2 mask=m": "E404",
    "input 5x8 as x; input 6 as k; from x; attention 2 keys=k": "E402",
    "input 5x8 as x; input 6x8 as k; from x; attention 2 keys=k causal": "E404",
    "input 5x8 as x; input 6x8 as k; from x; attention 2 keys=k rope": "E405",
    "input 5x8 as x; input 6x8 as k; from x; attention 2 keys=k values=x": "E404",
    "input 5x8 as x; input 3 as s; from x; lstm 4 state=s": "E401",
    "input 5x8 as x; input 4 as s; from x; gru 4 layers=2 state=s": "E401",
    SEQUENCE + "gru 4 state=nothing": "E203",
    VECTOR + "linear 3; loss crossentropy weights=[1, 2]": "E503",
    VECTOR + "linear 3; loss crossentropy soft ignore=1": "E503",
    VECTOR + "linear 3; loss crossentropy weights=2": "E304",
    VECTOR + "linear 3; sigmoid; loss bce weights=[1, 2]": "E503",
    # a best epoch by what is not measured
    "linear 2->1; sigmoid; data disc; loss mse; train best=acuracy": "E201",
    "linear 2->1; sigmoid; data disc; loss mse; train best=auc": "E201",
    "linear 2->1; sigmoid; data disc; loss mse; metrics accuracy confusion; train best=confusion": "E201",
    # names and values
    NAMES + "embedding 4 as tok; linear 9 tie=tik": "E203",
    VECTOR + "bilinear 3 with=z": "E203",
    "embedding 4; linear 2": "E403",
    IMAGE + "upsample 2 cubic": "E304",
    IMAGE + "batchnorm momentum=2": "E305",
    IMAGE + "conv 0 3": "E305",
    IMAGE + "conv 4 0": "E305",
    SEQUENCE + "lstm 4 direction=sideways": "E304",
}


@pytest.mark.parametrize("source", WRONG)
def test_it_has_a_code_and_a_place(source: str) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(source)
    (found,) = caught.value.diagnostics
    assert found.code == WRONG[source], str(found)
    assert found.labels[0].span.text in source
    assert found.message
