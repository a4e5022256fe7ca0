/* What finger tells of a person, and by which names the person is found: the same for every
 * bundled directory.
 *
 * Composes into a TorcFingerText; any thread. Lines end in LF here, the answer makes them CR LF and
 * filters what people wrote. */
#include <string.h>

#include "finger_internal.h"

/* ---- names ----------------------------------------------------------------------------------- */

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Letters and digits of ASCII, and all bytes of UTF-8 characters, whose case is not folded. */
static bool in_word(char c)
{
    unsigned char byte = (unsigned char)fold(c);
    return byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool same_folded(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (fold(a[i]) != fold(b[i]))
            return false;
    return true;
}

/* Whole words only: else one letter would list everybody. */
bool torc__finger_nameMatches(const char *name, const char *wanted)
{
    size_t length = strlen(name);
    size_t wanted_length = strlen(wanted);

    for (size_t at = 0; wanted_length > 0 && at + wanted_length <= length; at++) {
        bool begins = at == 0 || !in_word(name[at - 1]);
        bool ends = !in_word(name[at + wanted_length]);
        if (begins && ends && same_folded(name + at, wanted, wanted_length))
            return true;
    }
    return false;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void add_lines(TorcFingerText *text, TorcBytes lines)
{
    if (lines.length == 0)
        return;
    torc__fingerText_add(text, lines.data, lines.length);
    if (((const char *)lines.data)[lines.length - 1] != '\n')
        torc__fingerText_add(text, "\n", 1);
}

void torc__fingerPerson_write(TorcFingerText *text, const TorcFingerPerson *person)
{
    torc__fingerText_printf(text, "Login: %-24s Name: %s\n", person->login,
                            person->name ? person->name : "");
    add_lines(text, person->details);
    if (person->project.length > 0) {
        torc__fingerText_printf(text, "Project: ");
        add_lines(text, person->project);
    }
    torc__fingerText_printf(text, person->plan.length > 0 ? "Plan:\n" : "No Plan.\n");
    add_lines(text, person->plan);
}

void torc__finger_writeMore(TorcFingerText *text)
{
    torc__fingerText_printf(text, "\nThere are more of that name; ask for a login name.\n");
}

void torc__finger_writeNobody(TorcFingerText *text)
{
    torc__fingerText_printf(text, "No users.\n");
}

void torc__finger_writeUnknown(TorcFingerText *text, const char *user)
{
    torc__fingerText_printf(text, "%s: no such user\n", user);
}
