/* Endpoint descriptions as text: cutting one into fields, and reading the values in them. Pure
 * functions over bytes, but for torc__endpoint_readPort. Not installed. */
#ifndef TORC_ENDPOINTS_ENDPOINT_PARSER_INTERNAL_H
#define TORC_ENDPOINTS_ENDPOINT_PARSER_INTERNAL_H

#include "../reactor/api.h"
#include "../reactor/reason.h"

typedef struct TorcReactor TorcReactor;

/* What is wrong with a description. */
typedef struct TorcEndpointProblem {
    size_t column; /* the first byte is 1; 0: no place in particular */
    char text[320];
} TorcEndpointProblem;

/* Notes the problem and returns -TORC_EENDPOINT. */
int torc__endpoint_fail(TorcEndpointProblem *problem, size_t column, const char *format, ...)
    TORC_PRINTF(3, 4);

/* ---- fields -------------------------------------------------------------------------------- */

typedef struct TorcEndpointField {
    const char *keyword; /* NULL: by position */
    const char *value;   /* may be empty */
    size_t column;       /* where the field begins */
    size_t value_column; /* where its value begins */
} TorcEndpointField;

/* One block of memory, texts included. */
typedef struct TorcEndpointFields {
    const TorcEndpointField *type; /* the first field by position */
    size_t count;                  /* without the type */
    TorcEndpointField fields[];    /* in the order of the description */
} TorcEndpointFields;

/* Cuts a description into unquoted, NUL-terminated fields; free them by torc__free. 0;
 * -TORC_EENDPOINT with *ret_problem set; -ENOMEM. */
int torc__endpoint_parse(const char *description, size_t length, TorcEndpointFields **ret_fields,
                         TorcEndpointProblem *ret_problem);

/* ---- arguments ----------------------------------------------------------------------------- */

/* What an endpoint type takes, in the order of positions. */
typedef struct TorcEndpointParameter {
    const char *name; /* its keyword */
    bool required;
    bool keyword_only; /* behind all others */
} TorcEndpointParameter;

enum { TORC__ENDPOINT_PARAMETERS = 8 }; /* most that a type may have */

/* Finds the field for each of the `count` parameters; ret_arguments[i] is NULL for one that was
 * left out. A field by position goes to the parameter of that position; if that one was given by
 * keyword (host= in "tcp:79:host=example.org"), to the next one that is required. 0 or
 * -TORC_EENDPOINT: unknown keyword, given twice, too many, a required one missing. */
int torc__endpoint_bind(const TorcEndpointFields *fields, const TorcEndpointParameter *parameters,
                        size_t count, const TorcEndpointField **ret_arguments,
                        TorcEndpointProblem *ret_problem);

/* Values. `field` NULL: the argument was left out, and *ret_value is not touched. 0 or
 * -TORC_EENDPOINT. */

/* A decimal number from `least` to `most`; `what` names it in the problem ("the port"). */
int torc__endpoint_readNumber(const TorcEndpointField *field, const char *what, int least, int most,
                              int *ret_value, TorcEndpointProblem *ret_problem);

/* A TCP port: a number from `least` to 65535, or the name of a service (TorcReactor_portOfService).
 * Also -ENOMEM. The one value that is asked of the system. */
int torc__endpoint_readPort(const TorcEndpointField *field, TorcReactor *reactor, int least,
                            int *ret_value, TorcEndpointProblem *ret_problem);

/* Seconds above 0, perhaps with a fraction; the decimal sign is '.' in every locale. */
int torc__endpoint_readSeconds(const TorcEndpointField *field, const char *what, double *ret_value,
                               TorcEndpointProblem *ret_problem);

/* "yes" or "no". */
int torc__endpoint_readFlag(const TorcEndpointField *field, bool *ret_value,
                            TorcEndpointProblem *ret_problem);

/* What every port takes, as two values; both are left out: no limit. */
#define TORC__ENDPOINT_MAX_CONNECTIONS .name = "maxConnections", .keyword_only = true
#define TORC__ENDPOINT_REFUSE_EXCESS .name = "refuseExcess", .keyword_only = true
int torc__endpoint_readLimits(const TorcEndpointField *max_connections,
                              const TorcEndpointField *refuse_excess, unsigned *ret_max_connections,
                              bool *ret_refuse_excess, TorcEndpointProblem *ret_problem);

/* An IPv4 or IPv6 literal, as text; an empty one counts as left out. */
int torc__endpoint_readAddress(const TorcEndpointField *field, bool v6_only, const char **ret_value,
                               TorcEndpointProblem *ret_problem);

/* Permissions as octal digits, from 1 to 777. */
int torc__endpoint_readMode(const TorcEndpointField *field, int *ret_value,
                            TorcEndpointProblem *ret_problem);

/* A UNIX address: a path of at most 107 bytes, or '@' and a name. */
int torc__endpoint_readPath(const TorcEndpointField *field, const char **ret_value,
                            TorcEndpointProblem *ret_problem);

/* ---- types --------------------------------------------------------------------------------- */

/* A type of endpoint. `make` turns the bound arguments into an endpoint, a TorcServerEndpoint or a
 * TorcClientEndpoint as its table says; the arguments are gone afterwards. 0, -TORC_EENDPOINT with
 * *ret_problem set, or -ENOMEM. */
typedef struct TorcEndpointType {
    const char *word;
    int (*make)(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                void **ret_endpoint, TorcEndpointProblem *ret_problem);
    size_t parameter_count;
    const TorcEndpointParameter *parameters;
} TorcEndpointType;

/* All of it: parses the description, finds its type among `count`, binds the arguments and has the
 * endpoint made. 0, -EINVAL (reactor or description NULL), -TORC_EENDPOINT or -ENOMEM. On failure
 * *ret_reason, unless ret_reason is NULL, is the reason, never NULL. */
int torc__endpoint_fromString(const TorcEndpointType *const *types, size_t count,
                              TorcReactor *reactor, const char *description, void **ret_endpoint,
                              TorcReason **ret_reason);

/* Stores the reason for a code that needs no text of its own, if wanted, and returns the code. */
int torc__endpoint_failed(int code, TorcReason **ret_reason);

#endif
