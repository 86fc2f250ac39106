// What Swift's Glibc module does not offer: two names that are exchanged at once.
#define _GNU_SOURCE
#include "include/CKernels.h"

#include <fcntl.h>
#include <stdio.h>

int ck_exchange_names(const char *a, const char *b) {
  return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}
