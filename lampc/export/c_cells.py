"""The functions by which an exported C file reads a table's cells; each group is written only where a column needs it."""

from __future__ import annotations

from lampc.export.c_moments import MOMENT

TEXT = r"""
typedef struct {
    const char *at, *end;
} span;

typedef struct {
    const char *const *at;
    int count;
} list;

static int blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A cell, in UTF-8, without what is blank or not seen about it; none is as an empty one. */
static span trimmed(const char *cell) {
    static const char *const wide[] = {"\302\205", "\302\240", "\341\232\200", "\342\200\200", "\342\200\201",
        "\342\200\202", "\342\200\203", "\342\200\204", "\342\200\205", "\342\200\206", "\342\200\207",
        "\342\200\210", "\342\200\211", "\342\200\212", "\342\200\250", "\342\200\251", "\342\200\257",
        "\342\201\237", "\343\200\200",
        "\342\200\213", "\357\273\277", "\032"};
    span found = {cell, cell};
    const char *begin, *end;
    if (!cell)
        return found;
    found.end += strlen(cell);
    do {
        begin = found.at, end = found.end;
        while (found.at < found.end && blank(*found.at))
            found.at++;
        while (found.at < found.end && blank(found.end[-1]))
            found.end--;
        for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
            size_t length = strlen(wide[i]);
            if ((size_t)(found.end - found.at) >= length && !memcmp(found.at, wide[i], length))
                found.at += length;
            if ((size_t)(found.end - found.at) >= length && !memcmp(found.end - length, wide[i], length))
                found.end -= length;
        }
    } while (found.at > begin || found.end < end);
    return found;
}


static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* What stands behind a word, in lower case, that a text begins with in any; 0 if it does not. */
static const char *behind(const char *at, const char *end, const char *word) {
    for (; *word; word++, at++)
        if (at == end || lower(*at) != lower(*word))
            return 0;
    return at;
}

/* A cell's place among words, in whatever case; or -1. */
static int place_alike(span cell, const list *words) {
    for (int i = 0; i < words->count; i++)
        if (cell.at == cell.end ? !*words->at[i] : behind(cell.at, cell.end, words->at[i]) == cell.end)
            return i;
    return -1;
}
"""

PLACE = r"""
/* A cell's place among words, as they are written; or -1. */
static int place_of(span cell, const list *words) {
    size_t length = (size_t)(cell.end - cell.at);
    for (int i = 0; i < words->count; i++)
        if (strlen(words->at[i]) == length && (!length || !memcmp(cell.at, words->at[i], length)))
            return i;
    return -1;
}
"""

NUMBER = r"""
#include <stdio.h>

typedef struct {
    const char *point, *thousands, *mark; /* the mark: of a currency, or % */
} numeral;

/* What stands behind a text that another begins with; the same place if it does not, or is empty. */
static const char *past(const char *at, const char *end, const char *text) {
    size_t length = strlen(text);
    return (size_t)(end - at) >= length && !memcmp(at, text, length) ? at + length : at;
}

static const char *past_blanks(const char *at, const char *end) {
    while (at < end && blank(*at))
        at++;
    return at;
}

static int digit(const char *at, const char *end) {
    return at < end && *at >= '0' && *at <= '9';
}

static const char *past_sign(const char *at, const char *end, int *signs, int *negative) {
    const char *minus = past(at, end, "-"), *wide = past(at, end, "\342\210\222");
    const char *found = minus > at ? minus : wide > at ? wide : past(at, end, "+");
    *signs += found > at;
    *negative |= minus > at || wide > at;
    return found;
}

/* Of a cell that is a number: 1, and what it is; else 0. */
static int number_of(span cell, const numeral *how, double *number) {
    const char *at = cell.at, *end = cell.end, *before;
    char digits[512], point[8];
    int signs = 0, negative = 0, marks = 0, group = 0, grouped = 0, whole = 0, part = 0;
    size_t used = 0;
    if (end - at > 2 && *at == '(' && end[-1] == ')') {
        at++, end--;
        signs = negative = 1;
    }
    at = past_sign(at, end, &signs, &negative);
    before = past_blanks(at, end);
    if (past(before, end, how->mark) > before) {
        marks = 1;
        at = past_blanks(past(before, end, how->mark), end);
        at = past_sign(at, end, &signs, &negative);
    }
    if (behind(at, end, "inf")) {
        at = behind(at, end, "infinity") ? at + 8 : at + 3;
        *number = INFINITY;
    } else {
        /* strtod, which rounds rightly, wants the point of the program's locale */
        size_t width = (size_t)snprintf(point, sizeof point, "%.1f", 0.5);
        width = width > 2 && width < sizeof point ? width - 2 : 0;
        for (;; at++) {
            before = past(at, end, how->thousands);
            if (digit(at, end)) {
                if (used + 80 > sizeof digits)
                    return 0;
                digits[used++] = *at;
                whole++, group++;
            } else if (before > at && digit(before, end)) {
                if (grouped ? group != 3 : group < 1 || group > 3 || *digits == '0')
                    return 0;
                grouped = 1, group = 0;
                at = before - 1;
            } else
                break;
        }
        if (grouped && group != 3)
            return 0;
        before = past(at, end, how->point);
        if (before > at) {
            memcpy(digits + used, point + 1, width);
            used += width;
            for (at = before; digit(at, end); at++, part++)
                if (used + 80 < sizeof digits) /* those beyond change nothing */
                    digits[used++] = *at;
        }
        if (!whole && !part)
            return 0;
        if (at < end && (*at == 'e' || *at == 'E')) {
            before = at + 1 < end && (at[1] == '+' || at[1] == '-') ? at + 2 : at + 1;
            if (!digit(before, end) || grouped)
                return 0;
            digits[used++] = 'e';
            if (before[-1] == '-')
                digits[used++] = '-';
            for (at = before; digit(at, end); at++)
                if (used + 2 < sizeof digits)
                    digits[used++] = *at;
        }
        digits[used] = 0;
        *number = strtod(digits, 0);
    }
    if (negative)
        *number = -*number;
    before = past_blanks(at, end);
    at = marks ? at : past(before, end, how->mark) > before ? past(before, end, how->mark) : at;
    return at == end && signs < 2;
}
"""

KNOWN_NUMBER = r"""
/* Of a cell that is a number, as written: 1, and what it is; 0 where it is missing; -1 where it is neither. */
static int known_number(const char *text, const list *missing, const list *gaps, const numeral *how, double *number) {
    span cell = trimmed(text);
    if (place_alike(cell, missing) >= 0 || place_of(cell, gaps) >= 0)
        return 0;
    return number_of(cell, how, number) ? isfinite(*number) != 0 : -1;
}
"""

KNOWN_SIDE = r"""
/* Of a cell that says yes or no: 1, and 1 or 0; 0 where it is missing; -1 where it is neither. */
static int known_side(const char *text, const list *missing, const list *words, const int *sides, double *number) {
    span cell = trimmed(text);
    int place = place_alike(cell, words);
    if (place_alike(cell, missing) >= 0)
        return 0;
    *number = place < 0 ? 0 : sides[place];
    return place < 0 ? -1 : 1;
}
"""

CATEGORY = r"""
/* A category's place among the values: `unseen` where it is none, `gap` where it is missing. */
static int category_of(const char *text, const list *missing, const list *values, int unseen, int gap) {
    span cell = trimmed(text);
    int place = place_of(cell, values);
    return place >= 0 ? place : place_alike(cell, missing) >= 0 ? gap : unseen;
}

/* Slots for a category at a place: below 0 it is none that training saw, and gets their shares. */
static void put_category(real *x, int place, int count, const double *shares) {
    for (int i = 0; i < count; i++)
        x[i] = place < 0 ? (real)shares[i] : place == i;
}
"""

NUMBERED = r"""
/* The same where the values are numbers: 1 and 1.0 are one. */
static int number_named(const char *text, const list *missing, const list *values, const double *numbers, int unseen, int gap) {
    static const numeral plain = {".", "", ""};
    int place = category_of(text, missing, values, -1, -2);
    double number;
    if (place == -1 && number_of(trimmed(text), &plain, &number))
        for (int i = 0; i < values->count; i++)
            place = number == numbers[i] ? i : place;
    return place == -1 ? unseen : place == -2 ? gap : place;
}
"""

GROUPS = {
    TEXT: ("known_number", "known_side", "known_moment", "category_of", "number_named"),
    PLACE: ("known_number", "known_moment", "category_of", "number_named"),
    NUMBER: ("known_number", "number_named"),
    KNOWN_NUMBER: ("known_number",),
    KNOWN_SIDE: ("known_side",),
    MOMENT: ("known_moment",),
    CATEGORY: ("category_of", "number_named"),
    NUMBERED: ("number_named",),
}
"""Groups of functions, in order, and by which calls they are needed."""
