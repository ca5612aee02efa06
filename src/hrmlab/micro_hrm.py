"""The Hierarchical Reasoning Model in one file that needs nothing but Python: to read, to step through, and to check the other one against.

Everything is there: derivatives (of single numbers), attention, the two levels and their cycles, the one-step gradient, segments, halting
scores, training, writing, saving. A model learns a^n b^n or brackets, letter by letter, in about a minute::

    python -m hrmlab.micro_hrm train brackets --save brackets.json
    python -m hrmlab.micro_hrm write brackets.json "([" --temperature 0

With the same weights :class:`hrmlab.models.hrm.HRM` gives the same outputs and derivatives (``tests/unit/test_micro_hrm.py``); the two
share no line. Wang et al. 2025, arXiv 2506.21734; the parts are as in its release.
"""

import argparse
import itertools
import json
import math
import operator
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Union

# ---------------------------------------------------------------------------------------------------------------------- derivatives


class Value:
    """A number that knows what it was computed from.

    Attributes:
        data: the number.
        gradient: derivative, by this number, of what :func:`backward` was called with.
    """

    __slots__ = ("data", "gradient", "parents", "slopes")
    tape: ClassVar[list["Value"]] = []
    """Every computed value in order; backwards, each one is met after all that depend on it."""

    def __init__(self, data: float, parents: Sequence["Value"] = (), slopes: Sequence[float] = ()) -> None:
        self.data, self.gradient, self.parents, self.slopes = data, 0.0, parents, slopes
        if parents:
            Value.tape.append(self)

    def __add__(self, other: "Number") -> "Value":
        if isinstance(other, Value):
            return Value(self.data + other.data, (self, other), (1.0, 1.0))
        return Value(self.data + other, (self,), (1.0,))

    def __mul__(self, other: "Number") -> "Value":
        if isinstance(other, Value):
            return Value(self.data * other.data, (self, other), (other.data, self.data))
        return Value(self.data * other, (self,), (other,))

    __radd__, __rmul__ = __add__, __mul__


Number = Union[Value, float]  # noqa: UP007 - X | Y of a class that is being named needs the class at run time
"""What is computed with floats alone leaves no trace: that is how a pass without gradient is made."""
Vector = list[Number]
Matrix = list[Vector]
"""Weights: a row for each output. States: a row for each position."""


def backward(loss: Value) -> None:
    """Add to every value's ``gradient`` the derivative of ``loss`` by it, and forget the computation."""
    loss.gradient = 1.0
    for value in reversed(Value.tape):
        if passed := value.gradient:
            for parent, slope in zip(value.parents, value.slopes, strict=True):
                parent.gradient += slope * passed
    Value.tape.clear()


def plain(number: Number) -> float:
    """Without its history."""
    return number.data if isinstance(number, Value) else number


def through(number: Number, function: Callable[[float], tuple[float, float]]) -> Number:
    """A function of one number, which gives its value and its slope."""
    value, slope = function(plain(number))
    return Value(value, (number,), (slope,)) if isinstance(number, Value) else value


def dot(one: Sequence[Number], other: Sequence[Number]) -> Number:
    """Sum of products, as one node: nearly all the time goes in here. The numbers of a vector are all floats or all values."""
    left, right = [plain(x) for x in one], [plain(x) for x in other]
    total = sum(map(operator.mul, left, right))
    first, second = isinstance(one[0], Value), isinstance(other[0], Value)
    if first and second:
        return Value(total, [*one, *other], [*right, *left])  # type: ignore[list-item]
    return Value(total, one if first else other, right if first else left) if first or second else total  # type: ignore[arg-type]


def times(matrix: Matrix, vector: Vector) -> Vector:
    return [dot(row, vector) for row in matrix]


def plus(one: Vector, other: Vector) -> Vector:
    return [x + y for x, y in zip(one, other, strict=True)]


def exponential(x: float) -> tuple[float, float]:
    return math.exp(x), math.exp(x)


def logarithm(x: float) -> tuple[float, float]:
    return math.log(x), 1 / x


def reciprocal(x: float) -> tuple[float, float]:
    return 1 / x, -1 / x**2


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def silu(x: float) -> tuple[float, float]:
    s = sigmoid(x)
    return x * s, s * (1 + x * (1 - s))


def stable(x: float) -> tuple[float, float]:
    """Stablemax's s(x) in place of exp (Prieto et al. 2025)."""
    return (x + 1, 1.0) if x >= 0 else (1 / (1 - x), 1 / (1 - x) ** 2)


def shares(numbers: Vector, function: Callable[[float], tuple[float, float]]) -> Vector:
    """f(x) / sum of f: softmax, where f is the exponential."""
    values = [through(x, function) for x in numbers]
    scale = through(sum(values[1:], start=values[0]), reciprocal)
    return [value * scale for value in values]


def normalised(vector: Vector, epsilon: float) -> Vector:
    """Divided by its root mean square."""
    mean = dot(vector, vector) * (1 / len(vector))
    scale = through(mean, lambda x: ((x + epsilon) ** -0.5, -0.5 * (x + epsilon) ** -1.5))
    return [x * scale for x in vector]


# ---------------------------------------------------------------------------------------------------------------------- the model


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a model is, beside its weights; the names are those of ``conf/model/hrm.yaml``."""

    letters: str
    hidden_size: int = 8
    num_heads: int = 2
    mlp_width: int = 16
    h_layers: int = 1
    l_layers: int = 1
    h_cycles: int = 2
    l_cycles: int = 2
    max_segments: int = 2
    gradient: Literal["one_step", "full"] = "one_step"
    causal: bool = True
    rope_theta: float = 10000.0
    norm_epsilon: float = 1e-5


@dataclass
class Prediction:
    """Of a segment: a row of scores for each position, and (q_halt, q_continue) of each position or, not causal, of the first alone."""

    logits: Matrix
    q_values: Matrix


Carry = tuple[Matrix, Matrix]
"""The states z_H and z_L, a row of floats for each position."""


class MicroHRM:
    """Weights by the names of :class:`hrmlab.models.hrm.HRM`, and what it does with them."""

    def __init__(self, shape: Shape, *, seed: int = 0) -> None:
        self.shape = shape
        chance, D = random.Random(seed), shape.hidden_size

        def drawn(rows: int, columns: int, deviation: float) -> Matrix:
            """A normal distribution cut at two deviations and widened to the one asked for."""
            numbers = (x for x in iter(lambda: chance.gauss(0, 1), None) if abs(x) < 2)
            return [[Value(next(numbers) * deviation / 0.8796256610342398) for _ in range(columns)] for _ in range(rows)]

        self.weights: dict[str, Matrix] = {"embedding.token.weight": drawn(len(shape.letters), D, D**-0.5)}
        for level, layers in (("h_level", shape.h_layers), ("l_level", shape.l_layers)):
            for layer in range(layers):
                block = f"{level}.blocks.{layer}"
                self.weights[f"{block}.attention.query_key_value.weight"] = drawn(3 * D, D, D**-0.5)
                self.weights[f"{block}.attention.output.weight"] = drawn(D, D, D**-0.5)
                self.weights[f"{block}.mlp.gate_up.weight"] = drawn(2 * shape.mlp_width, D, D**-0.5)
                self.weights[f"{block}.mlp.down.weight"] = drawn(D, shape.mlp_width, shape.mlp_width**-0.5)
        self.weights["token_head.weight"] = drawn(len(shape.letters), D, D**-0.5)
        self.weights["halting_head.weight"] = [[Value(0.0) for _ in range(D)] for _ in range(2)]
        self.weights["halting_head.bias"] = [[Value(-5.0), Value(-5.0)]]
        self.initial = {name: [plain(x) for x in drawn(1, D, 1.0)[0]] for name in ("h_initial", "l_initial")}

    def parameters(self) -> Iterator[Value]:
        for matrix in self.weights.values():
            for row in matrix:
                yield from row  # type: ignore[misc]

    def detached(self) -> dict[str, Matrix]:
        """The weights as floats."""
        return {name: [[plain(x) for x in row] for row in matrix] for name, matrix in self.weights.items()}

    def fresh(self, positions: int) -> Carry:
        return [[*self.initial["h_initial"]] for _ in range(positions)], [[*self.initial["l_initial"]] for _ in range(positions)]

    def segment(self, carry: Carry, tokens: Sequence[int], *, learning: bool) -> tuple[Carry, Prediction]:
        """One segment: the next carry, which has no history, and what is read from it; with ``learning`` that has."""
        shape, detached = self.shape, self.detached()
        weights = self.weights if learning else detached
        one_step = learning and shape.gradient == "one_step"
        z_h, z_l = carry
        if one_step:  # all but the last update of each level with floats
            z_h, z_l = self._cycles(detached, z_h, z_l, self._embedded(detached, tokens), but_last=True)
            embedded = self._embedded(weights, tokens)
            z_l = self._level(weights, "l_level", z_l, [plus(h, e) for h, e in zip(z_h, embedded, strict=True)])
            z_h = self._level(weights, "h_level", z_h, z_l)
        else:
            z_h, z_l = self._cycles(weights, z_h, z_l, self._embedded(weights, tokens), but_last=False)
        logits = [times(weights["token_head.weight"], state) for state in z_h]
        bias = weights["halting_head.bias"][0]
        q_values = [plus(times(weights["halting_head.weight"], state), bias) for state in (z_h if shape.causal else z_h[:1])]
        bare = [[[plain(x) for x in row] for row in state] for state in (z_h, z_l)]
        return (bare[0], bare[1]), Prediction(logits, q_values)  # type: ignore[return-value]

    def _embedded(self, weights: dict[str, Matrix], tokens: Sequence[int]) -> Matrix:
        return [[x * self.shape.hidden_size**0.5 for x in weights["embedding.token.weight"][token]] for token in tokens]

    def _cycles(self, weights: dict[str, Matrix], z_h: Matrix, z_l: Matrix, embedded: Matrix, *, but_last: bool) -> tuple[Matrix, Matrix]:
        for cycle in range(self.shape.h_cycles):
            last = but_last and cycle == self.shape.h_cycles - 1
            for _ in range(self.shape.l_cycles - last):
                z_l = self._level(weights, "l_level", z_l, [plus(h, e) for h, e in zip(z_h, embedded, strict=True)])
            if not last:
                z_h = self._level(weights, "h_level", z_h, z_l)
        return z_h, z_l

    def _level(self, weights: dict[str, Matrix], level: str, state: Matrix, injection: Matrix) -> Matrix:
        """Transformer blocks over state + injection, each sum normalised."""
        shape = self.shape
        hidden = [plus(i, s) for s, i in zip(state, injection, strict=True)]
        for layer in range(shape.h_layers if level == "h_level" else shape.l_layers):
            block = f"{level}.blocks.{layer}"
            attended = self._attention(weights, block, hidden)
            hidden = [normalised(plus(h, a), shape.norm_epsilon) for h, a in zip(hidden, attended, strict=True)]
            for position, row in enumerate(hidden):
                both = times(weights[f"{block}.mlp.gate_up.weight"], row)
                gated = [through(gate, silu) * up for gate, up in zip(both[: shape.mlp_width], both[shape.mlp_width :], strict=True)]
                hidden[position] = normalised(plus(row, times(weights[f"{block}.mlp.down.weight"], gated)), shape.norm_epsilon)
        return hidden

    def _attention(self, weights: dict[str, Matrix], block: str, hidden: Matrix) -> Matrix:
        heads, size = self.shape.num_heads, self.shape.hidden_size // self.shape.num_heads
        mixed = [times(weights[f"{block}.attention.query_key_value.weight"], row) for row in hidden]
        gathered: Matrix = [[] for _ in hidden]
        for head in range(heads):
            query, key, value = ([row[(part * heads + head) * size :][:size] for row in mixed] for part in range(3))
            query = [self._turned(row, position) for position, row in enumerate(query)]
            key = [self._turned(row, position) for position, row in enumerate(key)]
            for position, asking in enumerate(query):
                seen = position + 1 if self.shape.causal else len(hidden)
                scores = [dot(asking, key[other]) * size**-0.5 for other in range(seen)]
                highest = max(plain(score) for score in scores)
                attention = shares([score + -highest for score in scores], exponential)
                gathered[position] += [dot(attention, [value[other][channel] for other in range(seen)]) for channel in range(size)]
        return [times(weights[f"{block}.attention.output.weight"], row) for row in gathered]

    def _turned(self, row: Vector, position: int) -> Vector:
        """Rotary positions: channels i and i + half are turned by an angle that grows with the position."""
        half = len(row) // 2
        angles = [position * self.shape.rope_theta ** (-i / half) for i in range(half)]
        first = [row[i] * math.cos(a) + row[i + half] * -math.sin(a) for i, a in enumerate(angles)]
        return first + [row[i + half] * math.cos(a) + row[i] * math.sin(a) for i, a in enumerate(angles)]

    def save(self, path: Path) -> None:
        """As JSON, all or nothing."""
        content = {"shape": asdict(self.shape), "weights": self.detached(), "initial": self.initial}
        draft = path.with_name(f"{path.name}.draft")
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(path)

    @classmethod
    def load(cls, path: Path) -> "MicroHRM":
        """
        Raises:
            ValueError: the file does not hold a model.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            model = cls(Shape(**content["shape"]))
            for name, matrix in model.weights.items():
                for row, stored in zip(matrix, content["weights"][name], strict=True):
                    for weight, number in zip(row, stored, strict=True):
                        weight.data = float(number)  # type: ignore[union-attr]
            model.initial = {name: [float(x) for x in content["initial"][name]] for name in model.initial}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} does not hold a model of micro_hrm ({error}); make one with: train anbn --save {path}") from None
        return model


# ---------------------------------------------------------------------------------------------------------------------- learning


def cross_entropy(score: Number, target: float) -> Number:
    """Of a probability given as a score: -target log s - (1 - target) log(1 - s), with s = sigmoid(score)."""
    return through(score, lambda x: (max(x, 0) - x * target + math.log1p(math.exp(-abs(x))), sigmoid(x) - target))


def segment_loss(
    prediction: Prediction, labels: Sequence[int], *, next_q_values: Sequence[Sequence[float]], last: bool, halting_weight: float = 0.5
) -> Number:
    """What a segment is blamed for: wrong letters, and halting scores that say other than what came out.

    Args:
        prediction: of the segment.
        labels: the right letter of each position.
        next_q_values: (q_halt, q_continue) that the following segment would say.
        last: whether the example had its last segment.
    """
    letters: Number = 0.0
    right = []
    for scores, label in zip(prediction.logits, labels, strict=True):
        letters = through(shares(scores, stable)[label], logarithm) * -1.0 + letters
        right.append(max(range(len(scores)), key=lambda i: plain(scores[i])) == label)
    if len(prediction.q_values) == 1:
        right = [all(right)]
    halting: Number = 0.0
    for (q_halt, q_continue), fine, (next_halt, next_continue) in zip(prediction.q_values, right, next_q_values, strict=True):
        following = sigmoid(next_halt if last else max(next_halt, next_continue))
        halting = halting + (cross_entropy(q_halt, float(fine)) + cross_entropy(q_continue, following))
    return letters * (1 / len(labels)) + halting * (halting_weight / len(right))


def _wants_to_halt(q_values: Vector) -> bool:
    q_halt, q_continue = q_values
    return plain(q_halt) > plain(q_continue)


def bare(q_values: Matrix) -> list[list[float]]:
    return [[plain(q) for q in row] for row in q_values]


class Adam:
    """Kingma and Ba 2015, with the learning rate falling to nothing along half a cosine."""

    def __init__(self, parameters: Sequence[Value], *, learning_rate: float, steps: int) -> None:
        self.parameters, self.learning_rate, self.steps, self.step_number = parameters, learning_rate, steps, 0
        self.means, self.squares = [0.0] * len(parameters), [0.0] * len(parameters)

    def step(self) -> None:
        """Use and clear the gradients."""
        rate = self.learning_rate * 0.5 * (1 + math.cos(math.pi * self.step_number / self.steps))
        self.step_number += 1
        one, two = 1 - 0.9**self.step_number, 1 - 0.95**self.step_number
        for i, parameter in enumerate(self.parameters):
            gradient, parameter.gradient = parameter.gradient, 0.0
            self.means[i] += 0.1 * (gradient - self.means[i])
            self.squares[i] += 0.05 * (gradient**2 - self.squares[i])
            parameter.data -= rate * self.means[i] / one / (math.sqrt(self.squares[i] / two) + 1e-8)


@dataclass
class Slot:
    """A word in work, at its own segment."""

    tokens: Sequence[int]
    carry: Carry
    minimum: int
    segments: int = 0


def train(
    model: MicroHRM,
    words: Sequence[str],
    *,
    steps: int,
    batch_size: int = 8,
    learning_rate: float = 0.01,
    exploration: float = 0.1,
    seed: int = 0,
    tell: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Deep supervision: each step is one segment of each slot; a slot that halts takes another word.

    Args:
        words: to learn to write.
        steps: of the optimizer.
        batch_size: slots.
        exploration: probability that a word must have a minimum of segments, drawn between 2 and all.
        tell: is told of each step and its mean loss.
    """
    chance, optimizer = random.Random(seed), Adam([*model.parameters()], learning_rate=learning_rate, steps=steps)
    cap = model.shape.max_segments

    def another() -> Slot:
        tokens = encode(model.shape.letters, START + chance.choice(words) + END)
        minimum = chance.randint(2, cap) if cap > 1 and chance.random() < exploration else 0
        return Slot(tokens, model.fresh(len(tokens) - 1), minimum)

    slots = [another() for _ in range(batch_size)]
    for step in range(1, steps + 1):
        total = 0.0
        for number, slot in enumerate(slots):
            inputs, labels = slot.tokens[:-1], slot.tokens[1:]
            slot.segments += 1
            slot.carry, prediction = model.segment(slot.carry, inputs, learning=True)
            _, following = model.segment(slot.carry, inputs, learning=False)
            last = slot.segments >= cap
            loss = segment_loss(prediction, labels, next_q_values=bare(following.q_values), last=last) * (1 / batch_size)
            assert isinstance(loss, Value)
            backward(loss)
            total += loss.data
            if last or (slot.segments >= slot.minimum and all(map(_wants_to_halt, prediction.q_values))):
                slots[number] = another()
        optimizer.step()
        tell(step, total)


# ---------------------------------------------------------------------------------------------------------------------- letters

START, END = "^", "$"
_CLOSING = {"(": ")", "[": "]"}


def encode(letters: str, text: str) -> list[int]:
    """
    Raises:
        ValueError: a letter that the model does not know.
    """
    for letter in text:
        if letter not in letters:
            raise ValueError(f"{letter!r} is no letter of this model; it knows {' '.join(letters.strip(START + END))}")
    return [letters.index(letter) for letter in text]


def all_words(language: str, length: int) -> list[str]:
    """Every word of up to ``length`` letters of ``anbn`` or ``brackets``."""
    if language == "anbn":
        return ["a" * n + "b" * n for n in range(1, length // 2 + 1)]
    candidates = ("".join(letters) for size in range(2, length + 1, 2) for letters in itertools.product("()[]", repeat=size))
    return [word for word in candidates if belongs(word)]


def belongs(word: str) -> bool:
    """Whether it is a^n b^n, n at least 1, or brackets, of which each is closed by its own kind."""
    if set(word) <= {"a", "b"}:
        return bool(word) and word == "a" * (len(word) // 2) + "b" * (len(word) // 2)
    waiting: list[str] = []
    for letter in word:
        if letter in _CLOSING:
            waiting.append(_CLOSING[letter])
        elif not waiting or waiting.pop() != letter:
            return False
    return not waiting


def write(model: MicroHRM, beginning: str, *, most: int = 40, temperature: float = 0.0, seed: int = 0) -> tuple[str, list[int]]:
    """A word that begins so, letter by letter, and how many segments the model took for each.

    Args:
        most: letters that are written at most.
        temperature: of the draw; 0 for the likeliest letter.
    """
    chance, text, taken = random.Random(seed), START + beginning, []
    for _ in range(most):
        tokens = encode(model.shape.letters, text)
        carry, prediction = model.segment(model.fresh(len(tokens)), tokens, learning=False)
        taken.append(1)
        while taken[-1] < model.shape.max_segments and not _wants_to_halt(prediction.q_values[-1]):
            carry, prediction = model.segment(carry, tokens, learning=False)
            taken[-1] += 1
        probabilities = [plain(x) for x in shares(prediction.logits[-1], stable)]
        if temperature == 0:
            letter = model.shape.letters[probabilities.index(max(probabilities))]
        else:
            letter = chance.choices(model.shape.letters, [p ** (1 / temperature) for p in probabilities])[0]
        if letter == END:
            break
        text += letter
    return text.removeprefix(START), taken


def completed(model: MicroHRM, words: Sequence[str]) -> float:
    """Share of the words' beginnings (one for each word: the first half, which leaves the rest of a^n b^n no choice but its first b) that
    the model's likeliest letters make a word of the language."""
    return sum(belongs(write(model, word[: len(word) // 2 + (word[0] == "a")])[0]) for word in words) / len(words)


# ---------------------------------------------------------------------------------------------------------------------- command


def _train(options: argparse.Namespace) -> None:
    words = all_words(options.language, options.length)
    random.Random(options.seed).shuffle(words)
    kept = words[: len(words) // 5] if options.language == "brackets" else words
    learned = [word for word in words if word not in set(kept)] or words
    letters = START + END + ("ab" if options.language == "anbn" else "()[]")
    model = MicroHRM(Shape(letters=letters, hidden_size=options.hidden_size, mlp_width=2 * options.hidden_size), seed=options.seed)
    print(f"{len(learned)} words to learn, {len(kept)} to test on, {sum(1 for _ in model.parameters())} weights", flush=True)
    began, recent = time.perf_counter(), []

    def tell(step: int, loss: float) -> None:
        recent.append(loss)
        if step % 25 == 0 or step == options.steps:
            left = (time.perf_counter() - began) / step * (options.steps - step)
            print(f"step {step} of {options.steps}: loss {sum(recent) / len(recent):.3f}, {left:.0f} s left", flush=True)
            recent.clear()

    train(
        model,
        learned,
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        seed=options.seed,
        tell=tell,
    )
    new = "held-out" if options.language == "brackets" else "all"
    print(f"{completed(model, kept):.1%} of {len(kept)} beginnings ({new} words) completed to a word, {time.perf_counter() - began:.0f} s")
    if options.save:
        model.save(options.save)
        print(f"saved: {options.save}")


def _write(options: argparse.Namespace) -> None:
    model = MicroHRM.load(options.model)
    for number in range(options.count):
        text, taken = write(model, options.beginning, temperature=options.temperature, seed=number)
        print(f"{text}   {'a word' if belongs(text) else 'no word'}; segments for each letter: {' '.join(map(str, taken))}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hrmlab.micro_hrm", description="HRM in plain Python: train one, let it write.")
    commands = parser.add_subparsers(required=True)
    command: Any = commands.add_parser("train", help="a model, letter by letter", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    command.add_argument("language", choices=("anbn", "brackets"))
    command.add_argument("--steps", type=_positive, default=300, help="of the optimizer")
    command.add_argument("--length", type=_positive, default=8, help="letters of the longest words")
    command.add_argument("--hidden-size", type=_positive, default=8, help="channels; a multiple of 4")
    command.add_argument("--batch-size", type=_positive, default=8, help="words at a time")
    command.add_argument("--learning-rate", type=float, default=0.01)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--save", type=Path, help="a file for the model, as JSON")
    command.set_defaults(run=_train)
    command = commands.add_parser("write", help="words that begin so", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    command.add_argument("model", type=Path)
    command.add_argument("beginning", nargs="?", default="")
    command.add_argument("--temperature", type=float, default=1.0, help="0 for the likeliest letters")
    command.add_argument("--count", type=_positive, default=1, help="how many words")
    command.set_defaults(run=_write)
    options = parser.parse_args(arguments)
    try:
        if getattr(options, "hidden_size", 4) % 4:
            raise ValueError(f"--hidden-size {options.hidden_size} is not a multiple of 4 (2 heads, whose channels turn in pairs); take 8")
        if getattr(options, "length", 2) < 2:
            raise ValueError(f"--length {options.length} has no word; give at least 2")
        if getattr(options, "language", "") == "brackets" and options.length < 4:
            raise ValueError(f"--length {options.length} has too few words of brackets to keep some for the test; give at least 4")
        options.run(options)
    except (OSError, ValueError) as error:
        print(f"micro_hrm: {error}", file=sys.stderr)
        return 2
    return 0


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
