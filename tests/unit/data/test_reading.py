"""What a user's own file may look like, and the one sentence that answers each mistake."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.maze.search import label
from hrmlab.data.maze.task import MazeTask
from hrmlab.data.sudoku.task import SudokuTask

ANSWER = "1234341221434321"
QUESTION = "1.3434.22.434.21"
AMBIGUOUS = "................"
MAZE = "S   " + " ## " + "    " + "   G"
MAZE_ANSWER = "S   " + "o## " + "o   " + "oooG"
OTHER_ANSWER = "Sooo" + " ##o" + "   o" + "   G"


def test_good_rows_of_every_kind(tmp_path, write_table):
    rows = [(QUESTION, ANSWER, "2.5", "mine", "x"), (QUESTION.replace(".", "0"), ANSWER, "", "", "y")]
    path = write_table(rows, header=("question", "answer", "rating", "source", "remark"))
    task = SudokuTask(side=4)
    read = task.read(path)
    assert [task.to_text(tokens) for tokens in read.inputs] == [QUESTION, QUESTION]
    assert [task.to_text(tokens) for tokens in read.labels] == [ANSWER, ANSWER]
    assert read.ratings[0] == 2.5
    assert np.isnan(read.ratings[1])
    assert read.sources.tolist() == ["mine", ""]
    assert read.classes[0] == read.classes[1]
    compressed = tmp_path / "puzzles.csv.gz"
    compressed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + Path(path).read_bytes().replace(b"\r\n", b"\r\n\r\n")))
    assert task.read(compressed).content_hash() == read.content_hash()


def test_questions_without_answers(write_table):
    path = write_table([(QUESTION,), (AMBIGUOUS,)], header=("question",))
    read = SudokuTask(side=4).read(path, labelled=False)
    assert len(read) == 2
    assert (read.labels == IGNORED_LABEL).all()
    with pytest.raises(UserError, match="no column 'answer'"):
        SudokuTask(side=4).read(path)
    assert (MazeTask(side=4).read(write_table([(MAZE,)], header=("question",)), labelled=False).labels == IGNORED_LABEL).all()


BAD_SUDOKU = [
    (
        [(QUESTION, ANSWER), (QUESTION[:-1], ANSWER)],
        "row 2 (counted from 1 below the header): the question has 15 characters instead of the 16",
    ),
    ([(QUESTION, ANSWER + "1")], "row 1 (counted from 1 below the header): the answer has 17 characters"),
    (
        [(QUESTION.replace("4", "x", 1), ANSWER)],
        "the question has the character 'x' at cell 4; only '.' '0' '1' '2' '3' '4' may stand there",
    ),
    ([(QUESTION.replace("4", "9", 1), ANSWER)], "the question has the character '9' at cell 4"),
    ([(QUESTION.replace("4", "四", 1), ANSWER)], "the question has the character '四'"),
    ([(QUESTION.replace("4", "?", 1), ANSWER)], "the question has the character '?'"),
    ([(QUESTION, ANSWER.replace("1", ".", 1))], "the answer has the character '.'"),
    (
        [(QUESTION, ANSWER), (QUESTION, ANSWER), ("2" + QUESTION[1:], ANSWER)],
        "row 3 (counted from 1 below the header): the clue 2 at row 1, column 1",
    ),
    ([(AMBIGUOUS, "1" * 16)], "the answer has a digit twice in a row, column or box"),
    ([(AMBIGUOUS, "1234234134124123")], "the answer has a digit twice in a row, column or box"),
    ([(QUESTION, ANSWER), (QUESTION, ANSWER, "5")], "row 2 (counted from 1 below the header): it has 3 fields where the header has 2"),
    ([(QUESTION,)], "it has 1 fields where the header has 2"),
    ([], "has a header but no rows"),
]


@pytest.mark.parametrize(("rows", "message"), BAD_SUDOKU)
def test_bad_sudoku_rows(write_table, rows, message):
    path = write_table(rows)
    with pytest.raises(UserError) as caught:
        SudokuTask(side=4).read(path)
    sentence = str(caught.value)
    assert message in sentence
    assert sentence.startswith(path)
    assert "\n" not in sentence
    assert ";" in sentence  # the remedy
    with pytest.raises(UserError, match=re.escape(message)):
        call(SudokuTask, side=4, source="file", path=path).load()


def test_bad_rating(write_table):
    path = write_table([(QUESTION, ANSWER, "hard")], header=("question", "answer", "rating"))
    with pytest.raises(UserError, match=r"row 1 .*the rating 'hard' is not a number"):
        SudokuTask(side=4).read(path)


def test_several_solutions_are_refused_on_request(write_table):
    path = write_table([(QUESTION, ANSWER), (AMBIGUOUS, ANSWER)])
    assert len(SudokuTask(side=4).read(path)) == 2
    with pytest.raises(UserError, match=r"row 2 .*more than one solution"):
        SudokuTask(side=4, check_unique=True).read(path)
    path = write_table([("123....4........",)], header=("question",))
    assert len(SudokuTask(side=4).read(path, labelled=False)) == 1
    with pytest.raises(UserError, match="the question has no solution"):
        SudokuTask(side=4, check_unique=True).read(path, labelled=False)
    path = write_table([("11" + "." * 14,)], header=("question",))
    with pytest.raises(UserError, match="the question has a digit twice"):
        SudokuTask(side=4).read(path, labelled=False)


def test_rating_bounds_filter_rows(write_table):
    rows = [(QUESTION, ANSWER, str(rating)) for rating in (1, 2, 3)]
    path = write_table(rows, header=("question", "answer", "rating"))
    test_path = write_table([("..3434.22.434.21", ANSWER, "2")], header=("question", "answer", "rating"), name="test.csv")
    validation_path = write_table([("1.3.34.22.434.21", ANSWER, "2")], header=("question", "answer", "rating"), name="validation.csv")
    bounds = {"minimum_rating": 2.0, "validation_path": validation_path, "test_path": test_path}
    assert len(call(SudokuTask, side=4, source="file", path=path, **bounds).load().train) == 2
    with pytest.raises(UserError, match="no row with a rating from 7 to inf"):
        call(SudokuTask, side=4, source="file", path=path, minimum_rating=7.0).load()
    unrated = write_table([(QUESTION, ANSWER)], name="unrated.csv")
    with pytest.raises(UserError, match="it has no rating"):
        call(SudokuTask, side=4, source="file", path=unrated, maximum_rating=7.0).load()


def bad_file(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / ("puzzles.csv.gz" if "gzip" in kind else "puzzles.csv")
    good = f"question,answer\n{QUESTION},{ANSWER}\n".encode()
    content = {
        "empty": b"",
        "blank": b"\n \n",
        "binary": bytes(range(256)),
        "latin": good + "Übung,x\n".encode("latin-1"),
        "semicolons": good.replace(b",", b";"),
        "no header": good.split(b"\n", 1)[1],
        "open quote": b'question,answer\n"' + QUESTION.encode(),
        "damaged gzip": gzip.compress(good)[:-9],
        "not gzip": good,
        "json": b'{"question": "1"}',
        "huge field": b"question,answer\n" + b"1" * 200_000 + b",1\n",
    }
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(content[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "does not exist; give the path of a CSV file"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("blank", "is empty"),
        ("binary", "line 2 of the file: it is not UTF-8 text"),
        ("latin", "line 3 of the file: it is not UTF-8 text"),
        ("semicolons", "has no column 'question'"),
        ("no header", "has no column 'question'"),
        ("json", "has no column 'question'"),
        ("open quote", "line 2 of the file: it is not valid CSV"),
        ("huge field", "line 2 of the file: it is not valid CSV"),
        ("damaged gzip", "is a damaged gzip file"),
    ],
)
def test_files_that_are_no_tables(tmp_path, kind, message):
    path = bad_file(tmp_path, kind)
    with pytest.raises(UserError) as caught:
        SudokuTask(side=4).read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_gz_that_is_plain(tmp_path):
    path = tmp_path / "plain.csv.gz"
    path.write_text("question,answer\n")
    with pytest.raises(UserError, match=r"ends in \.gz but is not a gzip file"):
        SudokuTask(side=4).read(path)


@pytest.mark.parametrize(
    ("question", "answer", "message"),
    [
        (MAZE.replace("S", " "), MAZE_ANSWER, "the question has 0 cells S instead of one"),
        (MAZE.replace("   G", "  GG"), MAZE_ANSWER, "the question has 2 cells G instead of one"),
        (MAZE.replace("    ", "   x"), MAZE_ANSWER, "the question has the character 'x'"),
        (MAZE_ANSWER, MAZE_ANSWER, "the question has the character 'o'"),
        (MAZE[:-1], MAZE_ANSWER, "the question has 15 characters instead of the 16 of a 4x4 maze"),
        ("S###" + "####" + "    " + "   G", MAZE_ANSWER, "no path leads from S to G"),
        (MAZE, MAZE, "the answer is not the question with one shortest path"),
        (MAZE, MAZE_ANSWER.replace("o", "#", 1), "the answer is not the question with one shortest path"),
        (MAZE, "Sooo" + " ##o" + "  oo" + "   G", "the answer is not the question with one shortest path"),
        (MAZE, "S   " + "o## " + "ooo " + "oooG", "the answer is not the question with one shortest path"),
    ],
)
def test_bad_maze_rows(write_table, question, answer, message):
    with pytest.raises(UserError, match=f"row 2 .*{re.escape(message)}"):
        MazeTask(side=4).read(write_table([(MAZE, MAZE_ANSWER), (question, answer)]))


def test_mazes_may_break_ties_otherwise_but_not_under_augmentation(write_table):
    rows = [(MAZE, OTHER_ANSWER), ("SG" + " " * 14, "SG" + " " * 14), ("S#G " + " " * 12, "S#G " + "ooo " + " " * 8)]
    path = write_table(rows)
    assert MazeTask(side=4).read(path).ratings.tolist() == [7, 2, 5]
    with pytest.raises(UserError, match=r"row 1 .*data\.augment=false"):
        call(MazeTask, side=4, source="file", path=path).load()
    splits = call(MazeTask, side=4, source="file", path=path, augment=False).load()
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [1, 1, 1]
    assert MazeTask(side=4, augment=False).augmentation(splits.train) is None


@pytest.mark.parametrize("rating", ["nan", "inf", "-Infinity", "1e300"])
def test_a_rating_that_is_not_finite_is_refused(write_table, rating):
    path = write_table([(QUESTION, ANSWER, "1"), (QUESTION, ANSWER, rating)], header=("question", "answer", "rating"))
    with pytest.raises(UserError, match=rf"row 2 .*the rating '{rating}' is not a finite number"):
        SudokuTask(side=4).read(path)


@pytest.mark.parametrize("weight", ["", "0", "-1", "nan", "inf", "heavy"])
def test_a_weight_that_is_not_positive_and_finite_is_refused(write_table, weight):
    path = write_table([(QUESTION, ANSWER, "1"), (QUESTION, ANSWER, weight)], header=("question", "answer", "weight"))
    with pytest.raises(UserError, match=rf"puzzles.csv, row 2 .*the weight '{weight}' is not a positive finite number; give every row one"):
        SudokuTask(side=4).read(path)


def test_weights_stay_with_their_rows_and_the_card_is_told(write_table):
    header = ("question", "answer", "weight")
    walls = [f"{number:06b}".replace("0", " ").replace("1", "#") for number in range(40)]
    mazes = [f"S{wall[:3]} {wall[3:]}       G" for wall in walls]
    rows = [(maze, "", str(0.5 + number)) for number, maze in enumerate(mazes)]
    task = MazeTask(side=4, augment=False)
    unlabelled = task.read(write_table([(maze,) for maze in mazes], header=("question",)), labelled=False)
    assert (unlabelled.weights == 1).all()
    answers = [task.to_text(tokens) for tokens in label(unlabelled.inputs.astype(np.uint8), 4)[0]]
    path = write_table([(maze, answer, weight) for (maze, _, weight), answer in zip(rows, answers, strict=True)], header=header)
    assert task.read(path).weights.tolist() == [0.5 + number for number in range(40)]
    splits = call(MazeTask, side=4, augment=False, source="file", path=path).load()
    weight_of = {maze: 0.5 + number for number, maze in enumerate(mazes)}
    assert splits.train.weights.tolist() == [weight_of[task.to_text(tokens)] for tokens in splits.train.inputs]
    low, high = splits.train.weights.min(), splits.train.weights.max()
    assert splits.protocol == f"training draws its rows in proportion to the column weight, which goes from {low:g} to {high:g}"
    even = write_table([(maze, answer, "3") for maze, answer in zip(mazes, answers, strict=True)], header=header)
    assert call(MazeTask, side=4, augment=False, source="file", path=even).load().protocol == ""


def test_a_question_with_two_answers_names_both_rows(write_table):
    solved = SudokuTask(side=4)
    other = ANSWER.translate(str.maketrans("12", "21"))
    path = write_table([("." * 16, ANSWER), (QUESTION, ANSWER), ("." * 16, other)])
    with pytest.raises(UserError, match=r"row 3 .*the question is that of row 1 and the answer another"):
        solved.read(path)
    assert len(solved.read(write_table([(QUESTION, ANSWER), (QUESTION, ANSWER)]))) == 2


@pytest.mark.parametrize("task", [SudokuTask(side=4), MazeTask(side=4)], ids=["sudoku", "maze"])
def test_a_question_in_text_is_read_like_a_row_of_a_file(write_table, task):
    question, answer = (QUESTION, ANSWER) if isinstance(task, SudokuTask) else (MAZE, MAZE_ANSWER)
    read = task.read(write_table([(question, answer)]))
    tokens = task.from_text(question)
    assert np.array_equal(tokens, read.inputs[0])
    assert tokens.dtype == np.int32
    assert np.array_equal(task.from_text(task.show(tokens)), tokens)
    assert [measure.name for measure in task.measures if measure.counts] == ["exact_accuracy"]
    assert task.measures[0].name in task.score(read.inputs, read.labels, read.labels)
    with pytest.raises(UserError) as caught:
        task.from_text(question[:-1] if question[-1] != " " else question + "#")
    assert "characters instead of the 16" in str(caught.value)
    assert "row 1" not in str(caught.value)


def test_an_empty_set_cannot_be_asked_for():
    for keywords in ({"train_examples": 0}, {"test_examples": 0}, {"validation_examples": -2}):
        (name, count), *_ = keywords.items()
        with pytest.raises(UserError, match=rf"data\.{name}={count} leaves the .* set empty; give at least 1, or null for the default"):
            call(SudokuTask, **keywords)
