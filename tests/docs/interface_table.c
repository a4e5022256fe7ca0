/* Measured tables: playing the cells, and finding them on the pages. See interface_table.h.
 *
 * One thread. A cell is played place by place; `play` says which call is to be made, whether it was,
 * and what it answered. Texts of tables are kept as lines of cells that are joined by '|', without
 * the white space that a page is free to put around them. */
#include "interface_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

enum { CELL_SIZE = 160, CAME_SIZE = 8192, LINE_SIZE = 4096, TABLE_SIZE = 64 * 1024 };

static const char *folder;
static bool writing; /* pages are brought in line with what was measured */

static struct {
    const InterfaceRow *row; /* NULL: without a call */
    bool arrived;
    bool ended;
    bool silent; /* the call has answered nothing */
    char answer[CELL_SIZE];
    char effect[CELL_SIZE];
    char came[CAME_SIZE];
} play;

/* ---- for places ---------------------------------------------------------------------------- */

void interface_here(void)
{
    if (play.arrived)
        return;
    play.arrived = true;
    if (!play.row)
        return;
    const char *answer = play.row->call();
    play.silent = answer == NULL;
    snprintf(play.answer, sizeof(play.answer), "%s", answer ? answer : "");
}

void interface_hereCalled(void *arg)
{
    (void)arg;
    interface_here();
}

void interface_came(const char *text)
{
    play.ended = true;
    snprintf(play.came, sizeof(play.came), "%s", text);
    if (play.row && play.row->effect)
        snprintf(play.effect, sizeof(play.effect), "%s", play.row->effect());
}

/* ---- for calls ----------------------------------------------------------------------------- */

#define ERRNO_MAP(X)                                                                               \
    X(EAGAIN)                                                                                      \
    X(EALREADY)                                                                                    \
    X(EBUSY)                                                                                       \
    X(EDEADLK)                                                                                     \
    X(EEXIST)                                                                                      \
    X(EINVAL)                                                                                      \
    X(EISCONN)                                                                                     \
    X(ELOOP)                                                                                       \
    X(ENOENT)                                                                                      \
    X(ENOTCONN)                                                                                    \
    X(EOPNOTSUPP)                                                                                  \
    X(EPIPE)

static const struct {
    int code;
    const char *name;
} names[] = {
#define NAME_OF(name) {name, #name},
    ERRNO_MAP(NAME_OF)
#undef NAME_OF
#define NAME_OF(name, value, text) {name, #name},
        TORC_ERROR_MAP(NAME_OF)
#undef NAME_OF
};

const char *interface_code(int r)
{
    static char cell[CELL_SIZE];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].code == -r) {
            snprintf(cell, sizeof(cell), "`-%s`", names[i].name);
            return cell;
        }
    ck_assert_msg(r >= 0, "a code without a name here: %d, %s", r, torc_strerror(r));
    snprintf(cell, sizeof(cell), "`%d`", r);
    return cell;
}

const char *interface_truth(bool answer)
{
    return answer ? "true" : "false";
}

const char *interface_whether(bool answer)
{
    return answer ? "yes" : "–";
}

/* ---- measuring ----------------------------------------------------------------------------- */

static void play_place(InterfacePlace *place, const InterfaceRow *row)
{
    memset(&play, 0, sizeof(play));
    play.row = row;
    place();
}

/* What the call comes to in one place. */
static void measure_place(InterfacePlace *place, const InterfaceRow *row, char *ret_cell)
{
    char came[CAME_SIZE];

    play_place(place, row);
    ck_assert_msg(play.arrived, "%s: the place was never reached", row->name);
    if (!play.silent) {
        strcpy(ret_cell, play.answer);
        return;
    }
    ck_assert_msg(play.ended && row->effect, "%s: nobody says what came of it", row->name);
    strcpy(came, play.came);
    strcpy(ret_cell, play.effect);
    play_place(place, NULL);
    if (strcmp(came, play.came) == 0)
        strcpy(ret_cell, "–");
}

static void measure(const InterfaceColumn *column, const InterfaceRow *row, char *ret_cell)
{
    char cell[CELL_SIZE];

    measure_place(column->places[0], row, ret_cell);
    for (size_t i = 1; i < INTERFACE_PLACES && column->places[i]; i++) {
        measure_place(column->places[i], row, cell);
        ck_assert_msg(strcmp(cell, ret_cell) == 0,
                      "%s: %s in the first place of '%s', %s in the one after %zu", row->name,
                      ret_cell, column->heading, cell, i);
    }
}

static void append(char *text, const char *more)
{
    size_t length = strlen(text);
    ck_assert_uint_lt(length + strlen(more), TABLE_SIZE);
    strcpy(text + length, more);
}

/* Each of several in backticks of its own. */
static void append_name(const char *name, char *text)
{
    char more[CELL_SIZE];

    append(text, "|`");
    while (*name) {
        size_t length = strcspn(name, ",");
        snprintf(more, sizeof(more), "%.*s", (int)length, name);
        append(text, more);
        name += length;
        if (*name)
            append(text, "`, `");
        name += strspn(name, ", ");
    }
    append(text, "`|");
}

static void append_row(const InterfaceTable *table, const InterfaceRow *row, char *text)
{
    char cell[CELL_SIZE];

    append_name(row->name, text);
    for (size_t i = 0; i < table->column_count; i++) {
        measure(&table->columns[i], row, cell);
        append(text, cell);
        append(text, "|");
    }
    append(text, "\n");
}

static void measure_table(const InterfaceTable *table, char *text)
{
    append(text, "|call|");
    for (size_t i = 0; i < table->column_count; i++) {
        append(text, table->columns[i].heading);
        append(text, "|");
    }
    append(text, "\n|");
    for (size_t i = 0; i <= table->column_count; i++)
        append(text, "---|");
    append(text, "\n");
    for (size_t i = 0; i < table->row_count; i++)
        append_row(table, &table->rows[i], text);
}

/* ---- on the page --------------------------------------------------------------------------- */

static FILE *open_file(const char *page, const char *mode)
{
    char path[LINE_SIZE];

    snprintf(path, sizeof(path), "%s/%s", folder, page);
    FILE *file = fopen(path, mode);
    ck_assert_msg(file != NULL, "cannot open %s", path);
    return file;
}

/* Opened behind the line that announces it. */
static FILE *open_page(const char *page, const char *what, const char *name)
{
    char line[LINE_SIZE];
    char wanted[CELL_SIZE];

    snprintf(wanted, sizeof(wanted), "<!-- %s: %s -->", what, name);
    FILE *file = open_file(page, "r");
    while (fgets(line, sizeof(line), file))
        if (strncmp(line, wanted, strlen(wanted)) == 0)
            return file;
    fclose(file);
    return NULL;
}

/* Without the white space around the cells. */
static void squeeze(char *line)
{
    char *to = line;
    for (const char *from = line; *from; from++) {
        bool blank = *from == ' ' || *from == '\n';
        size_t ahead = strspn(from, " \n");
        if (blank && (to == line || to[-1] == '|' || from[ahead] == '|' || from[ahead] == '\0'))
            continue;
        *to++ = *from;
    }
    *to = '\0';
}

static void read_table(const InterfaceTable *table, char *text)
{
    char line[LINE_SIZE];
    FILE *file = open_page(table->page, "measured", table->name);
    if (!file)
        return;

    while (fgets(line, sizeof(line), file) && (line[0] == '|' || line[0] == '\n')) {
        if (line[0] == '\n' && text[0])
            break;
        squeeze(line);
        append(text, line);
        append(text, line[0] ? "\n" : "");
    }
    fclose(file);
}

/* With a space around each cell. */
static void write_row(FILE *file, const char *row, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (row[i] != '|')
            fputc(row[i], file);
        else
            fputs(i == 0 ? "| " : i + 1 == length ? " |" : " | ", file);
    }
}

static void write_table(FILE *file, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (strncmp(text, "|---", 4) == 0)
            fprintf(file, "%.*s", (int)length, text);
        else
            write_row(file, text, length);
        fputc('\n', file);
        text += length + 1;
    }
}

/* What comes behind the table, if there is one. */
static char *read_rest(FILE *page)
{
    char line[LINE_SIZE];
    char *rest = calloc(1, TABLE_SIZE);
    bool behind = false;

    ck_assert_ptr_nonnull(rest);
    while (fgets(line, sizeof(line), page)) {
        behind = behind || (line[0] != '|' && line[0] != '\n');
        if (behind)
            append(rest, line);
    }
    return rest;
}

static char *read_head(FILE *page, size_t length)
{
    char *head = calloc(1, length + 1);

    ck_assert_ptr_nonnull(head);
    rewind(page);
    ck_assert_uint_eq(fread(head, 1, length, page), length);
    return head;
}

/* Puts the table in the place of the one on the page, or where there should be one. */
static void write_page(const InterfaceTable *table, const char *text)
{
    FILE *page = open_page(table->page, "measured", table->name);
    ck_assert_msg(page != NULL, "docs/interfaces/%s: no '%s'", table->page, table->name);
    size_t place = (size_t)ftell(page);
    char *rest = read_rest(page);
    char *head = read_head(page, place);
    fclose(page);

    page = open_file(table->page, "w");
    fprintf(page, "%s\n", head);
    write_table(page, text);
    fprintf(page, "\n%s", rest);
    fclose(page);
    free(head);
    free(rest);
}

void interface_check(const InterfaceTable *table)
{
    char *measured = calloc(1, TABLE_SIZE);
    char *written = calloc(1, TABLE_SIZE);

    ck_assert(measured && written);
    measure_table(table, measured);
    read_table(table, written);
    bool same = strcmp(measured, written) == 0;
    if (!same && writing)
        write_page(table, measured);
    else if (!same)
        ck_abort_msg("docs/interfaces/%s: the table '%s' is not what was measured:\n%s",
                     table->page, table->name, measured);
    free(measured);
    free(written);
}

/* True when the line is the n-th item, and `word` of that length is what it begins with. */
static bool begins_with(const char *line, size_t number, const char *word, size_t length)
{
    char wanted[CELL_SIZE];
    int n = snprintf(wanted, sizeof(wanted), "%zu. `%.*s`", number, (int)length, word);

    return strncmp(line, wanted, (size_t)n) == 0;
}

/* The next line that begins with a digit; false: the list is over. */
static bool next_item(FILE *file, char line[LINE_SIZE])
{
    bool begun = false;
    while (fgets(line, LINE_SIZE, file)) {
        if (line[0] >= '1' && line[0] <= '9')
            return true;
        if (begun && line[0] == '\n')
            return false;
        begun = line[0] != '\n';
    }
    return false;
}

void interface_checkOrder(const char *page, const char *name, const char *words)
{
    char line[LINE_SIZE];
    FILE *file = open_page(page, "order", name);
    ck_assert_msg(file != NULL, "docs/interfaces/%s has no order '%s': %s", page, name, words);

    size_t number = 0;
    while (*words) {
        size_t length = strcspn(words, " ");
        ck_assert_msg(next_item(file, line) && begins_with(line, ++number, words, length),
                      "docs/interfaces/%s: item %zu of '%s' should be %.*s…", page, number, name,
                      (int)length, words);
        words += length + strspn(words + length, " ");
    }
    ck_assert_msg(!next_item(file, line), "docs/interfaces/%s: an item too many in '%s': %s", page,
                  name, line);
    fclose(file);
}

/* ---- the program --------------------------------------------------------------------------- */

int interface_main(int argc, char **argv, const char *name, const TTest *const *tests, size_t count)
{
    writing = argc == 3 && strcmp(argv[2], "--write") == 0;
    if (argc != 2 && !writing) {
        fprintf(stderr, "usage: %s FOLDER_OF_PAGES [--write]\n", argv[0]);
        return EXIT_FAILURE;
    }
    folder = argv[1];
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 30);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
