/*
 * json.c - strings and numbers in JSON output.
 */
#include "cli.h"

#include <math.h>
#include <stdio.h>

void cli_json_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < 32)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    putchar('"');
}

void cli_json_number(double value)
{
    if (isfinite(value))
        printf("%.9g", value);
    else
        fputs("null", stdout);
}

void cli_json_info(const struct qc_tensor_info *info)
{
    fputs("{\"name\": ", stdout);
    cli_json_string(info->name);
    printf(", \"type\": \"%s\", \"shape\": [", qc_dtype_name(info->type));
    for (int i = 0; i < info->rank; i++) printf("%s%d", i ? ", " : "", (int)info->signature[i]);
    printf("], \"scale\": ");
    cli_json_number((double)info->scale);
    printf(", \"zero_point\": %d}", (int)info->zero_point);
}
