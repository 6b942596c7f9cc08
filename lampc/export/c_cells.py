"""The functions by which an exported C file reads a table's cells; each group is written only where a column needs it."""

from __future__ import annotations

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

/* A cell, in UTF-8, without what is blank about it; none is as an empty one. */
static span trimmed(const char *cell) {
    static const char *const wide[] = {"\302\205", "\302\240", "\341\232\200", "\342\200\200", "\342\200\201",
        "\342\200\202", "\342\200\203", "\342\200\204", "\342\200\205", "\342\200\206", "\342\200\207",
        "\342\200\210", "\342\200\211", "\342\200\212", "\342\200\250", "\342\200\251", "\342\200\257",
        "\342\201\237", "\343\200\200"};
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
    const char *behind_minus = past(past(at, end, "-"), end, "\342\210\222");
    const char *found = behind_minus > at ? behind_minus : past(at, end, "+");
    *signs += found > at;
    *negative |= behind_minus > at;
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
                if (grouped ? group != 3 : group < 1 || group > 3)
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

MOMENT = r"""
enum { YEAR, MONTH, DAY, WEEKDAY, HOUR, MINUTE, DAYS };

static const char *const months[] = {"january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december", "sept", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
static const int month_of[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 9, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12};
static const char *const weekdays[] = {"mon", "tues", "tue", "wednes", "wed", "thurs", "thu", "fri", "satur", "sat", "sun"};

/* How many digits stand at a place, at most so many. */
static int digits_at(const char *at, const char *end, int most) {
    int count = 0;
    while (count < most && at + count < end && at[count] >= '0' && at[count] <= '9')
        count++;
    return count;
}

static double whole_at(const char *at, int count) {
    double found = 0;
    for (int i = 0; i < count; i++)
        found = found * 10 + (at[i] - '0');
    return found;
}

static int fields_of(const char *pattern, const char *at, const char *end, double *field);

/* A letter that stands for so many digits: as many as there are, or fewer if the rest does not fit then. */
static int digits_fit(const char *pattern, const char *at, const char *end, double *field, int least, int most) {
    for (int count = digits_at(at, end, most); count >= least; count--)
        if (fields_of(pattern + 2, at + count, end, field)) {
            field[(unsigned char)pattern[1]] = whole_at(at, count);
            if (pattern[1] == 'f')
                field['f'] /= pow(10, count);
            return 1;
        }
    return 0;
}

static int offset_fits(const char *pattern, const char *at, const char *end, double *field) {
    static const char *const names[] = {"z", "utc", "gmt"};
    int hours, minutes, colon;
    for (int i = 0; i < 3; i++)
        if (behind(at, end, names[i]) && fields_of(pattern, behind(at, end, names[i]), end, field))
            return 1;
    if (at == end || (*at != '+' && *at != '-') || digits_at(at + 1, end, 2) < 2)
        return 0;
    hours = (int)whole_at(at + 1, 2);
    colon = at + 3 < end && at[3] == ':';
    minutes = digits_at(at + 3 + colon, end, 2) == 2;
    if (!fields_of(pattern, at + (minutes ? 5 + colon : 3), end, field))
        return 0;
    field['z'] = hours * 3600.0 + (minutes ? whole_at(at + 3 + colon, 2) * 60 : 0);
    if (*at == '-')
        field['z'] = -field['z'];
    return 1;
}

/* Whether a text is of a pattern, as strftime has them, and the numbers that stand at its letters. */
static int fields_of(const char *pattern, const char *at, const char *end, double *field) {
    const char *next;
    if (!*pattern)
        return at == end;
    if (*pattern == ' ') { /* what is blank, or, before %p and %z, nothing */
        int none = pattern[1] == '%' && (pattern[2] == 'p' || pattern[2] == 'z');
        for (next = at; next < end && blank(*next);)
            next++;
        return (next > at || none) && fields_of(pattern + 1, next, end, field);
    }
    if (*pattern != '%')
        return at < end && lower(*at) == lower(*pattern) && fields_of(pattern + 1, at + 1, end, field);
    switch (pattern[1]) {
    case 'Y':
        return digits_fit(pattern, at, end, field, 4, 4);
    case 'y': case 'M': case 'S':
        return digits_fit(pattern, at, end, field, 2, 2);
    case 'm': case 'd': case 'H': case 'I':
        return digits_fit(pattern, at, end, field, 1, 2);
    case 'j':
        return digits_fit(pattern, at, end, field, 1, 3);
    case 'f':
        return digits_fit(pattern, at, end, field, 1, 9);
    case 'b': case 'B':
        for (size_t i = 0; i < sizeof months / sizeof *months; i++) {
            next = behind(at, end, months[i]);
            if (next && fields_of(pattern + 2, next, end, field)) {
                field['m'] = month_of[i];
                return 1;
            }
        }
        return 0;
    case 'a': case 'A':
        for (size_t i = 0; i < sizeof weekdays / sizeof *weekdays; i++) {
            next = behind(at, end, weekdays[i]);
            if (next && behind(next, end, "day") && fields_of(pattern + 2, behind(next, end, "day"), end, field))
                return 1;
            if (next && fields_of(pattern + 2, next, end, field))
                return 1;
        }
        return 0;
    case 'p':
        if (at == end || (lower(*at) != 'a' && lower(*at) != 'p'))
            return 0;
        next = at + 1 < end && at[1] == '.' ? at + 2 : at + 1;
        if (next == end || lower(*next) != 'm')
            return 0;
        next += next + 1 < end && next[1] == '.' ? 2 : 1;
        if (!fields_of(pattern + 2, next, end, field))
            return 0;
        field['p'] = lower(*at) == 'p';
        return 1;
    case 'z':
        return offset_fits(pattern + 2, at, end, field);
    default: /* %% */
        return at < end && *at == '%' && fields_of(pattern + 2, at + 1, end, field);
    }
}

/* Days since 1970 of a day of the calendar (Hinnant, chrono-compatible date algorithms). */
static double days_of(int year, int month, int day) {
    int shifted = year - (month <= 2), era = (shifted >= 0 ? shifted : shifted - 399) / 400, of_era = shifted - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097.0 + (of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

/* Of a cell that is a moment of one of some patterns: 1, and its seconds since 1970 as the first part; 0 where it is missing;
   -1 where it is neither. */
static int known_moment(const char *text, const list *missing, const list *gaps, const list *patterns, double *seconds) {
    span cell = trimmed(text);
    double field[128];
    int year, month, day, leap, found = 0;
    static const int last[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (place_alike(cell, missing) >= 0 || place_of(cell, gaps) >= 0)
        return 0;
    for (int pattern = 0; pattern < patterns->count && !found; pattern++) {
        for (int i = 0; i < 128; i++)
            field[i] = i == 'm' || i == 'd' || i == 'j' ? 1 : i == 'Y' ? 1970 : i == 'I' || i == 'y' ? -1 : 0;
        found = fields_of(patterns->at[pattern], cell.at, cell.end, field);
    }
    if (!found)
        return -1;
    year = (int)(field['y'] < 0 ? field['Y'] : field['y'] + (field['y'] < 69 ? 2000 : 1900));
    month = (int)field['m'], day = (int)field['d'];
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (field['I'] >= 0)
        field['H'] = field['I'] < 1 || field['I'] > 12 ? 24 : fmod(field['I'], 12) + 12 * field['p'];
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > last[month - 1] + (month == 2 && leap))
        return -1;
    if (field['H'] > 23 || field['M'] > 59 || field['S'] > 59 || field['j'] < 1 || field['j'] > 366)
        return -1;
    *seconds = (days_of(year, month, day) + field['j'] - 1) * 86400 + field['H'] * 3600 + field['M'] * 60 + field['S'];
    *seconds += field['f'] - field['z'];
    return 1;
}

/* The parts of a moment, which is the first of them, its days counted from another. */
static void parts_of(double *part, double first) {
    double seconds = part[0], days = floor(seconds / 86400), shifted = days + 719468, era = floor(shifted / 146097);
    double of_era = shifted - era * 146097;
    double year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365);
    double of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100)), month = floor((5 * of_year + 2) / 153);
    part[YEAR] = year + era * 400 + (month > 9);
    part[MONTH] = month + (month > 9 ? -9 : 3);
    part[DAY] = of_year - floor((153 * month + 2) / 5) + 1;
    part[WEEKDAY] = days + 3 - 7 * floor((days + 3) / 7); /* the first of January 1970 was a Thursday */
    part[HOUR] = floor((seconds - days * 86400) / 3600);
    part[MINUTE] = floor((seconds - floor(seconds / 3600) * 3600) / 60);
    part[DAYS] = (seconds - first) / 86400;
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
