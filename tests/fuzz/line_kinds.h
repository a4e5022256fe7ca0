/* The kinds of lines that the targets of both receivers try: a delimiter, its length (0: that of
 * the string), and the longest line (0: the default). Usual ones, delimiters that begin anew
 * inside themselves, zero bytes, and lengths around that of the receivers' scratch space. Their
 * order is that of the bytes in the corpus. */
#ifndef TORC_TESTS_FUZZ_LINE_KINDS_H
#define TORC_TESTS_FUZZ_LINE_KINDS_H

#define FUZZ_LINES(X)                                                                              \
    X("\r\n", 0, 0), X("\r\n", 0, 8), X("\r\n", 0, 1), X("\n", 0, 40), X("\n", 0, 1),              \
        X("\0", 1, 40), X("aab", 0, 40), X("aab", 0, 3), X("aaaa", 0, 5), X("xyx", 0, 1000),       \
        X("\0\0\0", 3, 40), X("\r\n.\r\n", 0, 40), X("\377", 0, 1100), X("\r\n", 0, 1023),         \
        X("ab", 0, 1024), X("0123456789abcdefghijklmnopqrstuv", 0, 60)

#endif
