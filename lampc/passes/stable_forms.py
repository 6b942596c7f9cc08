"""What is written plainly, and what is computed in its place: equal numbers, without overflow and without lost digits.

``x, y, z`` are any values, ``c, d`` any numbers for which the right side has a value. Operands of sums and products may stand
either way round, and factors before a whole quotient or product do not matter. A test holds each line to 60 digits.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """A line of the table: ``written`` becomes ``stable``."""

    written: str
    stable: str

    @property
    def note(self) -> str:
        """What listings say of it."""
        return f"stable: {self.written} is {self.stable}"


FORMS = (
    # Logarithms undo exponentials: log eˣ = x, log(ab) = log a + log b.
    Form("log(exp(x))", "x"),
    Form("log(y·exp(x))", "log(y) + x"),
    Form("log(exp(x) / y)", "x - log(y)"),
    Form("log(x²)", "2·log(abs(x))"),
    Form("log(sqrt(c + exp(x)))", "0.5·log(c + exp(x))"),
    # cosh x = e^|x|·(1 + e^-2|x|)/2, and 1/cosh² = 1 - tanh², which has the digits near 0.
    Form("log(exp(x) + exp(-x))",
         "where(abs(x) > 1, abs(x) + softplus(-2·abs(x)), log(2) - 0.5·log1p(-(tanh(x)²)))"),
    *(Form(written, "where(abs(x) > 1, abs(x) + softplus(-2·abs(x)) - log(2), -0.5·log1p(-(tanh(x)²)))")
      for written in ("log(0.5·(exp(x) + exp(-x)))", "log(0.5·exp(x) + 0.5·exp(-x))")),
    Form("log(1 - tanh(x)²)",
         "where(abs(x) > 1, 2·(log(2) - abs(x) - softplus(-2·abs(x))), log1p(-(tanh(x)²)))"),
    # The greater exponential is taken out: c + d·eˣ = c·(1 + eˣ·d/c), eˣ + eʸ = e^max·(1 + e^-|x - y|).
    Form("log(c + d·exp(x))", "log(c) + softplus(x + log(d / c))"),
    Form("log(c·exp(x) + d·exp(y))", "max(x + log(c), y + log(d)) + softplus(-abs(x - y + log(c / d)))"),
    Form("log(exp(x) - 1)", "x + log(1 - exp(-x))"),
    # Mächler 2012, "Accurately computing log(1 - exp(-|a|))".
    Form("log(1 - exp(x))", "where(x > -0.7, log(-expm1(x)), log1p(-exp(x)))"),
    Form("log(1 + x)", "log1p(x)"),
    # sigmoid z = 1/(1 + e^-z), and softmax is eˣ over a sum.
    Form("log(sigmoid(z))", "-softplus(-z)"),
    Form("log(y·sigmoid(z))", "log(y) - softplus(-z)"),
    Form("log(y / sigmoid(z))", "log(y) + softplus(-z)"),
    Form("log(sigmoid(z) / y)", "-softplus(-z) - log(y)"),
    Form("log(sigmoid(z) / sigmoid(-z))", "z"),
    Form("log(softmax(x))", "log_softmax(x)"),
    Form("log(softmax(x) / y)", "log_softmax(x) - log(y)"),
    Form("log(y / softmax(x))", "log(y) - log_softmax(x)"),
    Form("bce(sigmoid(z), y)", "softplus(z) - y·z"),
    # -z + log(1 + eᶻ) = log(e^-z + 1).
    Form("softplus(z) - z", "softplus(-z)"),
    Form("z - softplus(z)", "-softplus(-z)"),
    Form("c·softplus(z) - c·softplus(-z)", "c·z"),
    # Quotients of exponentials: divided by the greater.
    Form("exp(x)·exp(y)", "exp(x + y)"),
    Form("exp(x) / exp(y)", "exp(x - y)"),
    Form("y / exp(x)", "y·exp(-x)"),
    Form("sqrt(exp(x))", "exp(0.5·x)"),
    Form("y / (c + d·exp(x))", "y / c·sigmoid(log(c / d) - x)"),
    Form("exp(x) / (c + d·exp(x))", "1 / d·sigmoid(x - log(c / d))"),
    Form("y·exp(x) / (c + d·exp(x))", "y / d·sigmoid(x - log(c / d))"),
    Form("exp(x) / (c + d·exp(x))²", "1 / (c·d)·sigmoid(x - log(c / d))·sigmoid(log(c / d) - x)"),
    Form("exp(x) / (exp(x) + exp(y))", "sigmoid(x - y)"),
    # 1/cosh x = 2·e^-|x|/(1 + e^-2|x|).
    Form("y / (exp(x) + exp(-x))", "0.5·y·where(abs(x) > 1, 2·exp(-abs(x))·sigmoid(2·abs(x)), sqrt(1 - tanh(x)²))"),
    Form("y / (exp(x) + exp(-x))²", "0.25·y·(1 - tanh(x)²)"),
    Form("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh(x)"),
    Form("(exp(x) - 1) / (exp(x) + 1)", "tanh(0.5·x)"),
    # What is left of 1: 1 - sigmoid z = sigmoid -z, tanh x = 2·sigmoid 2x - 1, 1 - tanh² = 4·sigmoid 2x·sigmoid -2x.
    Form("c - c·sigmoid(z)", "c·sigmoid(-z)"),
    Form("2·c·sigmoid(z) - c", "c·tanh(0.5·z)"),
    Form("c - c·tanh(x)", "2·c·sigmoid(-2·x)"),
    Form("c + c·tanh(x)", "2·c·sigmoid(2·x)"),
    Form("c - c·tanh(x)²", "c·where(abs(x) > 1, 4·sigmoid(2·x)·sigmoid(-2·x), 1 - tanh(x)²)"),
    Form("c·exp(x) - c", "c·expm1(x)"),
    Form("exp(x) - exp(-x)", "expm1(x) - expm1(-x)"),
    Form("c - c·cos(x)", "2·c·sin(0.5·x)²"),  # the half angle's formula
    Form("c·sqrt(1 + x) - c", "c·x / (sqrt(1 + x) + 1)"),  # a² - b² = (a - b)(a + b)
    # The series of (eˣ - 1)/x: its terms are x/2, x/3, x/4, … of one another.
    Form("(exp(x) - 1) / x",
         "where(abs(x) > 0.1, expm1(x) / x, "
         "1 + x/2·(1 + x/3·(1 + x/4·(1 + x/5·(1 + x/6·(1 + x/7·(1 + x/8·(1 + x/9·(1 + x/10·(1 + x/11))))))))))"),
    # Squares that overflow on the way.
    Form("sqrt(x²)", "abs(x)"),
    Form("x² / x", "x"),
    # x·log x → 0 with x, and nothing counted 0 times is nothing.
    Form("x·log(y)", "xlogy(x, y)"),
    Form("x·log1p(y)", "xlog1py(x, y)"),
)  # fmt: skip
"""Where several lines fit the longest is taken, among equals the first."""
