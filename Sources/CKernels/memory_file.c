// A file in memory without a name, which Swift's Glibc module does not offer.
#define _GNU_SOURCE
#include "include/CKernels.h"

#include <sys/mman.h>

int ck_memory_file(const char *label) { return memfd_create(label, MFD_CLOEXEC); }
