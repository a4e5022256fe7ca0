/* The tables of docs/interfaces, measured.
 *
 * A table on a page says what each call of an interface answers in each place that it may be made
 * from. Here it is a list of rows, each with a function that makes the call, and of columns, each
 * with the places that stand behind its heading: functions that bring a program there, from the
 * beginning to the end, and call interface_here at the right moment.
 *
 *     static const char *call_write(void)
 *     {
 *         return interface_code(TorcTransport_write(rec.transport, "x", 1));
 *     }
 *
 *     static void in_dataReceived(void)
 *     {
 *         …                        the hook of dataReceived is interface_here
 *         interface_came(rec.log);
 *     }
 *
 * interface_check plays every cell, and compares with the table that stands on the page behind the
 * line `<!-- measured: NAME -->`. When they differ it prints the one that was measured; the program,
 * run by hand with `--write` behind the folder, puts it there. So a page cannot say what is not so,
 * and what is so cannot change unnoticed.
 *
 * What the places of a column answer must be the same. A call that answers nothing is told by what
 * came of it: the place is played a second time without the call. */
#ifndef TORC_TESTS_INTERFACE_TABLE_H
#define TORC_TESTS_INTERFACE_TABLE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

/* Makes a call and returns the cell; NULL for a call that answers nothing. Valid until the next. */
typedef const char *InterfaceCall(void);

typedef void InterfacePlace(void);

typedef struct InterfaceRow {
    const char *name; /* as on the page, without the backticks; several are separated by ", " */
    InterfaceCall *call;
    /* Of a call that answers nothing: what came of it if that differs from what comes of doing
     * nothing; asked by interface_came. */
    InterfaceCall *effect;
} InterfaceRow;

enum { INTERFACE_PLACES = 12 };

typedef struct InterfaceColumn {
    const char *heading;
    InterfacePlace *places[INTERFACE_PLACES];
} InterfaceColumn;

typedef struct InterfaceTable {
    const char *page; /* "transport.md" */
    const char *name; /* of the measured table on it */
    const InterfaceRow *rows;
    size_t row_count;
    const InterfaceColumn *columns;
    size_t column_count;
} InterfaceTable;

/* ---- for places ---------------------------------------------------------------------------- */

/* The place is here: makes the call that it is about, the first time only. */
void interface_here(void);

/* The same as a callback of the library. */
void interface_hereCalled(void *arg);

/* The play is at its end, and this is what came of it, as text to be compared. */
void interface_came(const char *text);

/* ---- for calls ----------------------------------------------------------------------------- */

/* "`0`", "`-EPIPE`", "`-TORC_ESTALE`"; a positive answer as a number. */
const char *interface_code(int r);
const char *interface_truth(bool answer);
/* "yes", "–". */
const char *interface_whether(bool answer);

/* ---- for tests ----------------------------------------------------------------------------- */

void interface_check(const InterfaceTable *table);

/* The numbered list behind `<!-- order: NAME -->` begins, item by item, with these words in
 * backticks; `words` are separated by spaces. */
void interface_checkOrder(const char *page, const char *name, const char *words);

/* A program: its argument is the folder of the pages; then perhaps --write. */
int interface_main(int argc, char **argv, const char *name, const TTest *const *tests,
                   size_t count);

#define INTERFACE_SUITE(name, ...)                                                                 \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__};                                                \
        return interface_main(argc, argv, name, tests, sizeof(tests) / sizeof(tests[0]));          \
    }

#define INTERFACE_TABLE(page_, name_, rows_, columns_)                                             \
    (&(const InterfaceTable){                                                                      \
        .page = (page_),                                                                           \
        .name = (name_),                                                                           \
        .rows = (rows_),                                                                           \
        .row_count = sizeof(rows_) / sizeof((rows_)[0]),                                           \
        .columns = (columns_),                                                                     \
        .column_count = sizeof(columns_) / sizeof((columns_)[0]),                                  \
    })

#endif
