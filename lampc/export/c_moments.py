"""The functions by which an exported C file reads dates, by patterns as in ``strftime``, and takes them to parts."""

from __future__ import annotations

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
