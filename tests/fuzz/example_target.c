/* The target that docs/fuzzing.md shows, for a protocol of one's own. */
#include <stdio.h>
#include <stdlib.h>

#include <torc/torc.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char report[TORC_FRAGMENTATION_REPORT_SIZE];
    if (size < 2)
        return 0;
    size_t pieces[] = {1 + (size_t)data[0], 1 + (size_t)data[1]};
    TorcFragmentationOptions *options =
        TORC_FRAGMENTATION_OPTIONS(.pieces = pieces, .pieceCount = 2);
    int r = torc_fragmentation_checkProtocol(&torc_line_echo_class.protocol, data + 2, size - 2,
                                             options, report, sizeof(report));
    if (r == 0)
        return 0;
    fputs(report, stderr);
    abort();
}
