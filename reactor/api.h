/* Decoration of public declarations: visibility, C linkage for C++, compiler checks. */
#ifndef TORC_REACTOR_API_H
#define TORC_REACTOR_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TORC_BEGIN_DECLS extern "C" {
#define TORC_END_DECLS }
#else
#define TORC_BEGIN_DECLS
#define TORC_END_DECLS
#endif

#if defined(__GNUC__)
#define TORC_API __attribute__((visibility("default")))
#define TORC_PRINTF(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define TORC_API
#define TORC_PRINTF(format_index, first_argument)
#endif

#endif
