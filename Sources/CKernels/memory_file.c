// What Swift's Glibc module does not offer: files in memory, and settings of malloc.
#define _GNU_SOURCE
#include "include/CKernels.h"

#include <malloc.h>
#include <sys/mman.h>

int ck_memory_file(const char *label) { return memfd_create(label, MFD_CLOEXEC); }

void ck_return_blocks_from(int bytes) { mallopt(M_MMAP_THRESHOLD, bytes); }
