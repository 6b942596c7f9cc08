"""The ``main`` of an exported C file that answers the rows of a table on standard input."""

from __future__ import annotations

from lampc.export.answers import Answer
from lampc.export.c_rows import literal
from lampc.printable import printable
from lampc.table.schema import Schema


def table_main(schema: Schema, answer: Answer, name: str, pattern: str) -> str:
    """The program: a header, whose names say which cell is which, then a row a line, as CSV; a line is answered by a line.

    ``pattern``: how a number is printed.
    """
    delimiter = schema.form.delimiter if len(schema.form.delimiter) == 1 else ","
    quoted = "\\'" if delimiter == "'" else "\\\\" if delimiter == "\\" else delimiter
    header = ",".join(_quoted(word) for word in _header(schema, answer))
    find = _NAMED if schema.form.header else _PLACED.format(", ".join(str(place) for place in _places(schema)))
    answers = _LABELS.format(name=name) if answer.classes else ""
    numbers = _NUMBERS.format(pattern=pattern, first='","' if answer.classes else 'i ? "," : ""')
    told = f"    puts({literal(header)});\n" if schema.form.header else ""
    text = _MAIN.replace("DELIMITER", f"'{quoted}'" if delimiter != "\t" else "'\\t'")
    return text.replace("FIND\n", find).replace("HEADER\n", told).replace("ANSWERS\n", answers + numbers).replace("NAME", name)


def _header(schema: Schema, answer: Answer) -> list[str]:
    """What the answers' columns are called, as ``lampc predict`` has it."""
    name = schema.name
    if answer.classes:
        return [name, *(f"p_{known}" for known in answer.names)]
    targets = [target.name for target in schema.targets]
    return targets if len(targets) == answer.width else [f"{name}{i}" for i in range(answer.width)]


def _quoted(word: str) -> str:
    shown = printable(word)
    return '"' + shown.replace('"', '""') + '"' if any(c in shown for c in ',"\n\r') else shown


def _places(schema: Schema) -> list[int]:
    """Where the columns of a table without a header are, by their names: ``column3`` is the third."""
    digits = [column.name.removeprefix("column") for column in schema.taken]
    return [int(found) - 1 if found.isdigit() else place for place, found in enumerate(digits)]


_NAMED = r"""    for (int i = 0; i < LAMP_COLUMNS; i++)
        place[i] = -1;
    count = record(field);
    for (int i = 0; i < LAMP_COLUMNS; i++) {
        for (int j = count - 1; j >= 0; j--) {
            span found = trimmed(field[j]);
            size_t length = (size_t)(found.end - found.at);
            if (length == strlen(NAME_columns[i]) && !strncmp(found.at, NAME_columns[i], length))
                place[i] = j;
        }
        if (place[i] < 0) {
            fputs("the first line, which names the columns, has no `", stderr);
            tell(NAME_columns[i], stderr, 0);
            fputs("`\n", stderr);
            return 1;
        }
    }
"""
_PLACED = """    const int at[LAMP_COLUMNS] = {{{}}};
    for (int i = 0; i < LAMP_COLUMNS; i++)
        place[i] = at[i];
"""
_LABELS = """        tell({name}_classes[found], stdout, 1);
"""
_NUMBERS = r"""        for (int i = 0; i < LAMP_ANSWERS; i++)
            printf("%s{pattern}", {first}, answer[i]);
        putchar('\n');
"""
_MAIN = r"""#ifdef LAMP_MAIN
#include <stdio.h>
#define LAMP_FIELDS 16384
#define LAMP_RECORD (1 << 20)

static int byte(void) {
    int c = getchar();
    if (c == '\r') { /* a line may end so, with or without a newline */
        c = getchar();
        if (c != '\n')
            ungetc(c, stdin);
        return '\n';
    }
    return c;
}

/* The fields of the next line that is not empty, and how many they are: 0 at the end, -1 where they are more than there is
   room for. */
static int record(const char **field) {
    static char text[LAMP_RECORD];
    size_t used = 0;
    int count = 0, c = byte();
    while (c == '\n')
        c = byte();
    while (c != EOF || count) {
        while (c == ' ')
            c = byte();
        if (count == LAMP_FIELDS)
            return -1;
        field[count++] = text + used;
        for (int quoted = c == '"'; quoted; quoted = c == '"') { /* two quotes within quotes are one */
            for (c = getchar(); c != EOF && c != '"'; c = getchar()) {
                if (used + 3 > sizeof text)
                    return -1;
                text[used++] = (char)c;
            }
            c = byte();
            if (c == '"')
                text[used++] = '"';
        }
        for (; c != EOF && c != '\n' && c != DELIMITER; c = byte()) {
            if (used + 3 > sizeof text)
                return -1;
            text[used++] = (char)c;
        }
        text[used++] = 0;
        if (c != EOF && c != '\n')
            c = byte();
        else if (c == EOF || count > 1 || *field[0])
            return count;
        else /* nothing but blanks */
            used = 0, count = 0, c = byte();
    }
    return 0;
}

/* A text, in quotes where CSV needs them; what would drive a terminal is shown as `?`. */
static void tell(const char *text, FILE *out, int csv) {
    int quotes = csv && strpbrk(text, ",\"\n\r");
    if (quotes)
        putc('"', out);
    for (; *text; text++) {
        if (csv && *text == '"')
            putc('"', out);
        putc(*text == 127 || (*text >= 0 && *text < 32) ? '?' : *text, out);
    }
    if (quotes)
        putc('"', out);
}

int main(void) {
    static const char *field[LAMP_FIELDS];
    static double answer[LAMP_ANSWERS];
    int place[LAMP_COLUMNS], count;
    long row = 0;
    int c = getchar();
    if (c == 0xEF) { /* a mark of UTF-8 */
        getchar();
        getchar();
    } else
        ungetc(c, stdin);
FIND
HEADER
    while ((count = record(field)) != 0) {
        const char *cells[LAMP_COLUMNS];
        int found;
        row++;
        for (int i = 0; i < LAMP_COLUMNS && count > 0; i++) {
            if (place[i] >= count) {
                fprintf(stderr, "row %ld has %d cells, and column %d is wanted\n", row, count, place[i] + 1);
                return 1;
            }
            cells[i] = field[place[i]];
        }
        if (count < 0) {
            fprintf(stderr, "row %ld is longer than this program reads\n", row);
            return 1;
        }
        found = NAME_row(cells, answer);
        if (found < 0) {
            fprintf(stderr, "row %ld: ", row);
            if (found < -LAMP_COLUMNS)
                fputs("what comes out is no number\n", stderr);
            else {
                fputs("`", stderr);
                tell(cells[-found - 1], stderr, 0);
                fputs("` is not what the column `", stderr);
                tell(NAME_columns[-found - 1], stderr, 0);
                fputs("` holds\n", stderr);
            }
            return 1;
        }
ANSWERS
    }
    return 0;
}
#endif
"""
